/*
 * qaqvk.h: the KV cache of a large language model, compressed, on any Vulkan device.
 *
 * A cache on a device holds sequences: the K and V rows of a text each. A model step
 * appends the rows of its tokens to every layer, attends to each layer, and ends with
 * qaqvk_step:
 *
 *   qaqvk_device device; qaqvk_cache cache; qaqvk_sequence text;
 *   qaqvk_cache_config config;
 *   qaqvk_cache_config_init(&config);
 *   config.layers = 30; config.kv_heads = 3; config.query_heads = 9; config.head_dim = 64;
 *   config.capacity = 8192; config.policy = "qaq";
 *   qaqvk_device_open("", NULL, &device);           // "": the best; "cpu"
 *   qaqvk_cache_create(device, &config, &cache);
 *   qaqvk_sequence_create(cache, &text);
 *   for each step {
 *     for each layer {
 *       qaqvk_append(text, layer, &k, &v);          // [n][kv_heads][head_dim]
 *       qaqvk_attend(text, layer, &q, &out, NULL);  // [n][query_heads][head_dim]
 *     }
 *     qaqvk_step(text);
 *   }
 *   qaqvk_cache_close(cache); qaqvk_device_close(device);
 *
 * Results. Every function that can fail returns QAQVK_OK (0) or an error below 0
 * (qaqvk_error_name, and why: qaqvk_last_message). Where one fails, outputs are as they were
 * but for handles, which are 0, and the objects are as before the call unless
 * its comment says otherwise. Nothing is thrown and nothing aborts.
 *
 * Handles are numbers that are never given out twice; 0 is none. A handle that was closed,
 * or is of another kind, is QAQVK_ERROR_HANDLE.
 *
 * Structures begin with struct_size, the bytes that the caller's compiler gives the
 * structure. Zero in any other field means the default; the ..._init functions set
 * struct_size and zero the rest. A structure that is longer than the library's is taken if what
 * it does not know is zero.
 *
 * Ownership. What is passed in by pointer is the caller's and is read or written during
 * the call only, but for rows in buffers (qaqvk_rows). Strings that the
 * library returns are its own; their comments say how long they stay.
 *
 * Threads. Any thread may call any function at any time. Calls of one cache, its sequences
 * and recordings wait for one another; so do calls on device, profile and buffer
 * handles, for a short time. A library thread may use the queue of a device
 * at any time while a cache with asynchronous adaptation is open (qaqvk_vulkan.lock).
 *
 * Units: bytes where a name says bytes, size or offset; tokens otherwise, or what
 * the comment says.
 *
 * Process. Linux with glibc. The library contains a Go runtime: it takes SIGURG, leaves SIGINT
 * and SIGTERM to the host, cannot be unloaded (dlclose does nothing), is not usable after
 * fork without exec, and a second Go runtime in the process is not supported:
 * programs in Go import github.com/qaqvk/qaqvk/backend.
 */
#ifndef QAQVK_H
#define QAQVK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Vulkan's handles, without vulkan.h: dispatchable ones are pointers to these, the others
 * (VkBuffer) are passed as their 64 bits, (uint64_t)buffer. */
struct VkInstance_T;
struct VkPhysicalDevice_T;
struct VkDevice_T;
struct VkQueue_T;
struct VkCommandBuffer_T;

typedef uint64_t qaqvk_device;
typedef uint64_t qaqvk_buffer;
typedef uint64_t qaqvk_profile;
typedef uint64_t qaqvk_cache;
typedef uint64_t qaqvk_sequence;
typedef uint64_t qaqvk_recording;

/* ---- Version ---- */

/* The binary interface: a program runs with libraries of the same number. While it is 0 it may
 * change with every version: the program is compiled anew. */
#define QAQVK_ABI_VERSION 0
uint32_t qaqvk_abi_version(void);

/* The version of the library, "0.1.0": a string that stays. */
#define QAQVK_VERSION "0.1.0"
const char *qaqvk_version(void);

/* ---- Errors ---- */

enum {
  QAQVK_OK = 0,
  /* of this interface */
  /* a pointer is NULL, a struct_size or a name is none, a size overflows */
  QAQVK_ERROR_ARGUMENT = -1,
  QAQVK_ERROR_HANDLE = -2,     /* the handle was closed, is 0, or is of another kind */
  QAQVK_ERROR_IN_USE = -3,     /* closing a device that caches or buffers still use */
  QAQVK_ERROR_INTERNAL = -4,   /* a mistake in the library; please report the message */
  QAQVK_ERROR_FAILED = -5,     /* none of the others: a file that is not there, for example */
  /* of caches */
  QAQVK_ERROR_CONFIG = -10,           /* a configuration or option that cannot be */
  QAQVK_ERROR_CAPACITY = -11,         /* no more tokens fit the sequence or the step */
  /* qaqvk_step: the tokens are in, a later step does what was left */
  QAQVK_ERROR_DEFERRED = -12,
  QAQVK_ERROR_SEQUENCES = -13,        /* the cache has as many sequences as it may */
  QAQVK_ERROR_UNKNOWN_SEQUENCE = -14, /* the sequence was dropped */
  QAQVK_ERROR_UNFINISHED_STEP = -15,  /* layers have different tokens, or a step was not ended */
  QAQVK_ERROR_ROLLBACK = -16,         /* the rows that a rollback needs are nowhere */
  /* rows of another shape, or where the device cannot read them */
  QAQVK_ERROR_SHAPE = -17,
  QAQVK_ERROR_RANGE = -18,            /* no such layer, or not so many tokens */
  QAQVK_ERROR_QUERIES = -19,          /* more queries than tokens, too many or none */
  QAQVK_ERROR_HOST_BUDGET = -20,      /* the host does not keep the rows that groups need */
  QAQVK_ERROR_BUDGET = -21,           /* live bytes pass bytes_budget even with the fewest bits */
  QAQVK_ERROR_RECORDED = -22,         /* attention is recorded and not finished, or was finished */
  QAQVK_ERROR_HOST_ROWS = -23,        /* rows of host memory cannot be recorded */
  QAQVK_ERROR_CLOSED = -24,           /* closed */
  /* of devices */
  QAQVK_ERROR_UNSUPPORTED = -40,      /* only Vulkan devices can do this */
  QAQVK_ERROR_NO_LOADER = -41,        /* no Vulkan loader */
  QAQVK_ERROR_OTHER_LOADER = -42,     /* another loader than the one that this process uses */
  QAQVK_ERROR_NO_DRIVER = -43,        /* no driver with Vulkan 1.1 */
  QAQVK_ERROR_NO_COMPUTE = -44,       /* no queue with compute */
  QAQVK_ERROR_UNKNOWN_DEVICE = -45,   /* no device of that name */
  QAQVK_ERROR_NO_VALIDATION = -46,    /* no validation layer */
  QAQVK_ERROR_DEVICE_MEMORY = -47,    /* out of device memory */
  QAQVK_ERROR_HOST_MEMORY = -48,      /* out of host memory */
  QAQVK_ERROR_DEVICE_LOST = -49,      /* the device was lost: caches can only be closed */
  QAQVK_ERROR_LIMIT = -50,            /* over a limit of the device */
  QAQVK_ERROR_MEMORY_LIMIT = -51,     /* over memory_limit */
  QAQVK_ERROR_NO_TIMESTAMPS = -52,    /* the device has no timestamps */
  QAQVK_ERROR_COMPILE_ONLY = -53,     /* the device only compiles */
  QAQVK_ERROR_NO_STATISTICS = -54,    /* no statistics of pipelines */
  /* the device computes floats otherwise than the results need */
  QAQVK_ERROR_ARITHMETIC = -55,
  /* device "both:...": it computed other bits than the reference */
  QAQVK_ERROR_MISMATCH = -56,
  QAQVK_ERROR_VULKAN = -57,           /* another VkResult: qaqvk_last_vk_result */
  /* of profiles */
  QAQVK_ERROR_PROFILE_FORMAT = -70,   /* damaged, or no profile */
  QAQVK_ERROR_PROFILE_VERSION = -71,  /* of an unknown version */
  QAQVK_ERROR_PROFILE_MODEL = -72,    /* of another model */
  QAQVK_ERROR_PROFILE_BITS = -73,     /* no such bits can be reached */
  QAQVK_ERROR_PROFILE_SHAPE = -74,    /* of other shapes or positions */
  QAQVK_ERROR_PROFILE_UNKNOWN = -75   /* none ships for that model */
};

/* The name of an error, "QAQVK_ERROR_SHAPE"; NULL: there is none. A string that stays. */
const char *qaqvk_error_name(int32_t error);

/* What the last call of this thread that failed said, at most 1,023 bytes of UTF-8; "" before one
 * did. It stays until another call of this thread fails. */
const char *qaqvk_last_message(void);

/* Its error, and the VkResult behind it; 0: none. */
int32_t qaqvk_last_error(void);
int32_t qaqvk_last_vk_result(void);

/* 1 if that error was this one too: QAQVK_ERROR_DEFERRED because of QAQVK_ERROR_DEVICE_MEMORY is
 * both. 0 otherwise. */
int32_t qaqvk_last_error_is(int32_t error);

/* ---- Log ---- */

enum { QAQVK_LOG_ERROR = 1, QAQVK_LOG_WARNING = 2, QAQVK_LOG_INFO = 3, QAQVK_LOG_DEBUG = 4 };

/* Told of what happens, one line without an end of line that stays during the call: errors are
 * calls that failed, information is what was opened and closed, debugging is each call. It runs on
 * the thread of the call that it is about and must not call the library. */
typedef void (*qaqvk_log_function)(int32_t level, const char *message, void *user);

/* From now on calls function, with user, for messages of at most this level; NULL: nobody. A call
 * that is running in another thread may still use the former one. */
void qaqvk_set_log(qaqvk_log_function function, void *user, int32_t level);

/* ---- Devices ---- */

typedef struct qaqvk_device_options {
  uint32_t struct_size;
  /* 1: with the Khronos validation layer, whose messages fail qaqvk_device_close; not of adopted
   * devices */
  uint32_t validation;
  uint32_t minimum_limits;    /* 1: keep to the limits that every Vulkan 1.1 device has */
  uint32_t reserved;
  /* bytes to allocate at most, mapped memory included; beyond it: QAQVK_ERROR_MEMORY_LIMIT */
  uint64_t memory_limit;
  /* UTF-8 path of a file that keeps compiled pipelines between runs; NULL: none */
  const char *pipeline_cache;
} qaqvk_device_options;
void qaqvk_device_options_init(qaqvk_device_options *options);

/* Opens a device: "" the best Vulkan device, an index or a part of its name ("llvmpipe"), "cpu" the
 * reference in plain code, "both:NAME" that and a Vulkan device, compared. options: NULL for
 * defaults. Errors: those of devices. */
int32_t qaqvk_device_open(const char *name, const qaqvk_device_options *options,
    qaqvk_device *device);

typedef void (*qaqvk_void_function)(void);
typedef qaqvk_void_function (*qaqvk_get_instance_proc_addr)(struct VkInstance_T *instance,
                                                            const char *name);

/* A caller's own Vulkan objects. They stay the caller's, are never destroyed here, and outlive the
 * device; the instance and the device were made for Vulkan 1.1 or newer. */
typedef struct qaqvk_vulkan {
  uint32_t struct_size;
  uint32_t queue_family;       /* of queue; it can compute */
  struct VkInstance_T *instance;
  struct VkPhysicalDevice_T *physical_device;
  struct VkDevice_T *device;
  struct VkQueue_T *queue;
  /* vkGetInstanceProcAddr of the loader, or of the driver, that they come from; NULL: the
   * system's loader. One process has one: a different one is QAQVK_ERROR_OTHER_LOADER. */
  qaqvk_get_instance_proc_addr get_instance_proc_addr;
  /* Device extensions that were enabled, of those that qaqvk_wanted_extension lists, and those of
   * the list that the core of a Vulkan version has for which both instance and device are made
   * (VK_KHR_shader_float_controls from 1.2 on). Others may be among them and do nothing. */
  uint32_t enabled_extension_count;
  uint32_t reserved;
  const char *const *enabled_extensions;
  /* Called with queue_user around each use of the queue, from any thread, threads of the library
   * included; they must not call the library, and the caller holds no such lock during calls.
   * NULL, both: the library uses the queue only during calls, and the caller keeps away from it
   * while one runs; caches then adapt synchronously. */
  void (*lock)(void *queue_user);
  void (*unlock)(void *queue_user);
  void *queue_user;
} qaqvk_vulkan;
void qaqvk_vulkan_init(qaqvk_vulkan *vulkan);

/* The device extension number index that the library would like to find enabled in an adopted
 * device that offers it; NULL behind the last. None is needed. A string that stays. */
const char *qaqvk_wanted_extension(uint32_t index);

/* Adopts a caller's device and probes its arithmetic on the queue. Errors: those of devices. */
int32_t qaqvk_device_adopt(const qaqvk_vulkan *vulkan, const qaqvk_device_options *options,
    qaqvk_device *device);

typedef struct qaqvk_device_info {
  uint32_t struct_size;
  uint32_t vulkan;          /* 1: buffers can be imported and attention recorded */
  char name[256];           /* "llvmpipe (LLVM 15.0.6, 256 bits)" */
  char driver[256];         /* "llvmpipe Mesa 22.3.6 (LLVM 15.0.6)" */
  uint64_t live_bytes;      /* of buffers that the library made */
  uint64_t committed_bytes; /* taken from the driver for them */
  uint64_t peak_bytes;      /* the most of live ones at once, mapped memory left out */
} qaqvk_device_info;

/* Fills info; its struct_size is set before. */
int32_t qaqvk_device_get_info(qaqvk_device device, qaqvk_device_info *info);

/* Closes a device without caches and imported buffers; QAQVK_ERROR_IN_USE otherwise, and it stays
 * open. Any other error is told, and it is closed. */
int32_t qaqvk_device_close(qaqvk_device device);

/* ---- Buffers of the caller ---- */

/* Makes the first size bytes of a VkBuffer of the device's VkDevice usable as rows. It has the
 * usage VK_BUFFER_USAGE_STORAGE_BUFFER_BIT and memory bound to it, and stays the caller's: it is
 * destroyed after qaqvk_buffer_release. size is a multiple of 4. Errors: QAQVK_ERROR_UNSUPPORTED on
 * devices that are not Vulkan's, QAQVK_ERROR_ARGUMENT. */
int32_t qaqvk_buffer_import(qaqvk_device device, uint64_t vk_buffer, uint64_t size,
    qaqvk_buffer *buffer);

/* Forgets a buffer. No rows that were appended from it still wait to be read (qaqvk_append), and no
 * recording that uses it is open. */
int32_t qaqvk_buffer_release(qaqvk_buffer buffer);

/* ---- Rows ---- */

enum { QAQVK_F16 = 0, QAQVK_BF16 = 1, QAQVK_F32 = 2 };

/* Rows of tokens or queries, one after the other without gaps, little-endian: in host memory, or in
 * an imported buffer; one of host and buffer is set. */
typedef struct qaqvk_rows {
  uint32_t struct_size;
  uint32_t type;       /* QAQVK_F16, QAQVK_BF16 or QAQVK_F32 */
  void *host;          /* read during the call, or written where the rows are an output */
  qaqvk_buffer buffer;
  uint64_t offset;     /* bytes from the begin of the buffer, a multiple of 16; 0 with host */
  uint64_t size;       /* bytes of the rows */
} qaqvk_rows;

/* ---- Profiles: what the calibrated codec knows of a model ---- */

/* Reads a profile that `qaqvk calibrate` made, from a UTF-8 path. Errors: QAQVK_ERROR_FAILED where
 * the file cannot be read, QAQVK_ERROR_PROFILE_FORMAT, QAQVK_ERROR_PROFILE_VERSION. */
int32_t qaqvk_profile_load(const char *path, qaqvk_profile *profile);

/* The profile that ships for a model, "SmolLM2-135M-Instruct"; QAQVK_ERROR_PROFILE_UNKNOWN: none
 * does. */
int32_t qaqvk_profile_shipped(const char *model, qaqvk_profile *profile);

typedef struct qaqvk_profile_info {
  uint32_t struct_size;
  uint32_t layers, kv_heads, head_dim; /* of the model */
  uint32_t page_tokens, recent;        /* what caches get */
  double bits;                         /* stored bits an element that it expects */
  /* 1: RoPE turns elements i and i + head_dim/2 of keys together; 0: 2i and 2i+1 */
  uint32_t rope_halves;
  uint32_t reserved;
} qaqvk_profile_info;
int32_t qaqvk_profile_get_info(qaqvk_profile profile, qaqvk_profile_info *info);

/* Frees a profile. Caches that were made with it keep what they need. */
int32_t qaqvk_profile_close(qaqvk_profile profile);

/* ---- Caches ---- */

enum { QAQVK_LEVEL_HEAD = 0, QAQVK_LEVEL_LAYER = 1, QAQVK_LEVEL_TOKEN = 2 };
enum { QAQVK_ADAPT_DEFAULT = 0, QAQVK_ADAPT_SYNCHRONOUS = 1, QAQVK_ADAPT_ASYNCHRONOUS = 2 };
enum { QAQVK_FORMULA_PAPER = 0, QAQVK_FORMULA_AUTHORS = 1 };

typedef struct qaqvk_cache_config {
  uint32_t struct_size;
  uint32_t layers;          /* 1..4096; no default */
  uint32_t kv_heads;        /* of a layer, 1..1024; no default */
  /* of a layer, a multiple of kv_heads, up to 32 a KV head; 0: qaqvk_attend is not used */
  uint32_t query_heads;
  uint32_t head_dim;        /* elements of a row, a multiple of 8 from 32 to 256; no default */
  uint32_t capacity;        /* most tokens of a sequence; no default */
  uint32_t sequences;       /* most sequences at once; default 1 */
  /* of the cache's rows: QAQVK_F16, whose largest value is 65,504, QAQVK_BF16 or QAQVK_F32 */
  uint32_t type;
  /* rows that share a range and bits: QAQVK_LEVEL_HEAD, ...; not with a profile */
  uint32_t level;
  /* when chosen bits take effect: QAQVK_ADAPT_SYNCHRONOUS before qaqvk_step returns,
   * QAQVK_ADAPT_ASYNCHRONOUS in a later step, from a thread of the library meanwhile; default
   * asynchronous, but synchronous on devices adopted without lock */
  uint32_t adaptation;
  /* steps, with a profile tokens, between rounds of adaptation; default 16, with a profile 32;
   * negative: only qaqvk_adapt */
  int32_t adapt_every;
  /* how long a submission may run on the device; default 100; negative: however long */
  int32_t max_submit_ms;
  uint32_t recent;          /* newest tokens kept as they came; default 5, with a profile its own */
  uint32_t queries;         /* newest queries whose attention importance looks at; default 5 */
  uint32_t page_tokens;     /* tokens of a page; default 16, with a profile its own */
  uint32_t max_step_tokens; /* most tokens of a step, up to 4,096; default 32 */
  double outlier_fraction;  /* part of a group kept as outliers, 0 to 0.1; not with a profile */
  /* bytes of device memory for pages that are taken at once; 0: as tokens come */
  uint64_t reserve;
  /* bytes of host memory for full-precision rows, which promotions and long rollbacks need; 0:
   * none */
  uint64_t host_budget;
  uint64_t bytes_budget;    /* with a profile: live bytes to keep to; 0: no bound */
  /* [layers], tokens that a query sees at most; 0: all; NULL: 0 for all */
  const uint32_t *layer_windows;
  qaqvk_profile profile;    /* the calibrated codec; 0: ranges and outliers */
  /* with a profile: stored bits an element aimed at; 0: its own. Otherwise not used */
  double bits;

  /* How bits are chosen: "none" (rows stay as they came), "uniform", "qaq", "h2o",
   * "scissorhands"; with a profile "levels" or "fixed". NULL: "levels" with a profile, otherwise
   * "none". */
  const char *policy;
  double key_error, value_error;   /* qaq: target errors; default 0.005 and 0.002 */
  uint32_t min_bits, max_bits;     /* qaq: 0..8; max_bits default 8, or 16 for raw */
  uint32_t formula;                /* qaq: QAQVK_FORMULA_PAPER or QAQVK_FORMULA_AUTHORS */
  uint32_t key_bits, value_bits;   /* uniform: 1..8; default 4 */
  /* h2o, scissorhands: tokens of a layer and KV head that stay; default 256 */
  uint32_t policy_tokens;
  uint32_t policy_recent;          /* scissorhands: of these the newest; default 10 */
  uint32_t policy_history;         /* scissorhands: choices looked back at, 1..31; default 31 */
  uint32_t policy_recall;          /* h2o, scissorhands: 1: what was evicted may come back */
  uint32_t reserved;
  /* qaq: [layers][kv_heads], 90 % quantile of squared query norms; NULL: 1,024 for all */
  const double *query_norms;
} qaqvk_cache_config;
void qaqvk_cache_config_init(qaqvk_cache_config *config);

/* Makes a cache without sequences. Errors: QAQVK_ERROR_CONFIG, those of devices and profiles. */
int32_t qaqvk_cache_create(qaqvk_device device, const qaqvk_cache_config *config,
    qaqvk_cache *cache);

/* Drops its sequences and recordings, whose handles are closed with it, and frees all that it
 * holds. No command buffer may be running that was recorded. */
int32_t qaqvk_cache_close(qaqvk_cache cache);

/* ---- Sequences ---- */

/* Adds an empty sequence. Errors: QAQVK_ERROR_SEQUENCES, those of memory. */
int32_t qaqvk_sequence_create(qaqvk_cache cache, qaqvk_sequence *sequence);

/* Adds a sequence that equals this one: pages are shared until one of the two changes them. Not
 * between qaqvk_append and qaqvk_step (QAQVK_ERROR_UNFINISHED_STEP). Errors: as above. */
int32_t qaqvk_sequence_fork(qaqvk_sequence sequence, qaqvk_sequence *fork);

/* Ends a sequence and frees what it alone holds; also after QAQVK_ERROR_DEVICE_LOST. */
int32_t qaqvk_sequence_drop(qaqvk_sequence sequence);

/* Adds rows of n >= 1 tokens, [n][kv_heads][head_dim], of one type and place, to a layer. Rows of
 * host memory are copied; those in a buffer are read by the next qaqvk_attend, qaqvk_read or
 * qaqvk_step, or by the submission that the next qaqvk_record_attend is for, and stay as they are
 * until then. Finite values beyond the largest of the cache's type become that. Errors:
 * QAQVK_ERROR_CAPACITY, QAQVK_ERROR_SHAPE, QAQVK_ERROR_RANGE, QAQVK_ERROR_HOST_ROWS while a
 * recording is open. */
int32_t qaqvk_append(qaqvk_sequence sequence, uint32_t layer, const qaqvk_rows *k,
    const qaqvk_rows *v);

typedef struct qaqvk_attend_options {
  uint32_t struct_size;
  uint32_t window;          /* tokens that a query sees, its own included; 0: all up to its own */
  float scale;              /* of the scores; 0: 1/sqrt(head_dim) */
  float soft_cap;           /* C of C*tanh(score/C); 0: none */
  uint32_t skip_importance; /* 1: the queries do not count for importance */
} qaqvk_attend_options;
void qaqvk_attend_options_init(qaqvk_attend_options *options);

/* Computes softmax(q k^T * scale) v over a layer and waits for it. q and out are rows of n = 1..512
 * queries, at most max_step_tokens, [n][query_heads][head_dim]; query i belongs to token T-n+i of
 * the T tokens of the layer, those of the current step included, and sees tokens up to its own; the
 * query heads of a KV head are consecutive. out is written. options: NULL for defaults. Errors:
 * QAQVK_ERROR_SHAPE, QAQVK_ERROR_QUERIES, QAQVK_ERROR_CONFIG, QAQVK_ERROR_RANGE; of the device: out
 * in a buffer may have some rows then, and the call may be repeated. */
int32_t qaqvk_attend(qaqvk_sequence sequence, uint32_t layer, const qaqvk_rows *q,
    const qaqvk_rows *out, const qaqvk_attend_options *options);

/* For runtimes that compute attention themselves: takes the probabilities of the newest queries of
 * a layer, [queries][query_heads][tokens of the layer], count of them in all. Errors:
 * QAQVK_ERROR_SHAPE, QAQVK_ERROR_QUERIES, QAQVK_ERROR_RANGE. */
int32_t qaqvk_observe(qaqvk_sequence sequence, uint32_t layer, const float *probabilities,
    uint64_t count, uint32_t queries, uint32_t query_heads);

/* Ends a model step: its tokens become part of the sequence, whole pages that left the recent
 * window are quantized, and bits that were chosen take effect. Errors: QAQVK_ERROR_UNFINISHED_STEP
 * where layers got different tokens, and those of the device: the tokens are not in and the call
 * may be repeated; or they are, and the error is QAQVK_ERROR_DEFERRED: a later step does what was
 * left. */
int32_t qaqvk_step(qaqvk_sequence sequence);

/* Chooses the bits of all stored tokens anew, waits for it, and counts the groups moved in *moved,
 * which may be NULL. Errors: QAQVK_ERROR_HOST_BUDGET with synchronous adaptation, those of the
 * device. */
int32_t qaqvk_adapt(qaqvk_sequence sequence, uint64_t *moved);

/* Drops the last tokens of finished steps. Errors: QAQVK_ERROR_RANGE, QAQVK_ERROR_ROLLBACK,
 * QAQVK_ERROR_UNFINISHED_STEP. */
int32_t qaqvk_rollback(qaqvk_sequence sequence, uint32_t tokens);

/* Tokens of finished steps. */
int32_t qaqvk_tokens(qaqvk_sequence sequence, uint32_t *tokens);

/* Reads all rows of a layer, those of the current step included, in the type of k and v, which are
 * alike and in host memory with room for [tokens][kv_heads][head_dim]; zeros for tokens that were
 * evicted. tokens may be NULL. Errors: QAQVK_ERROR_SHAPE, QAQVK_ERROR_RANGE. */
int32_t qaqvk_read(qaqvk_sequence sequence, uint32_t layer, const qaqvk_rows *k,
    const qaqvk_rows *v, uint32_t *tokens);

/* ---- Attention in a command buffer of the caller ---- */

/* Begins to record into a VkCommandBuffer of the device's VkDevice, in the recording state and
 * outside of a render pass. What qaqvk_record_attend records begins and ends with a memory barrier
 * between the writes and the reads and writes of compute shaders and transfers, at its end also
 * those of the host: the caller needs no barrier for q, k and v that its compute shaders or
 * transfers write before, nor for theirs that read out behind; for other stages and for queue
 * families it records its own (before: to the compute stage, shader reads; behind: from the compute
 * stage, shader writes). The compute pipeline, descriptor sets and push constants that are bound
 * are others afterwards.
 *
 * Then the caller submits the command buffer, once, to the device's queue, waits for the
 * submission, and calls qaqvk_recording_finish, or resets the command buffer and calls
 * qaqvk_recording_discard. In between, buffers of rows stay as they are, and calls of the cache but
 * qaqvk_append, qaqvk_record_attend, qaqvk_sequence_create, qaqvk_recording_begin, qaqvk_tokens,
 * statistics and qaqvk_cache_close fail with QAQVK_ERROR_RECORDED. Several command buffers have a
 * recording each and run in the order in which they were recorded. Errors: QAQVK_ERROR_UNSUPPORTED
 * on devices that are not Vulkan's. */
int32_t qaqvk_recording_begin(qaqvk_cache cache, struct VkCommandBuffer_T *command_buffer,
    qaqvk_recording *recording);

/* Records what qaqvk_attend does, the conversion of the rows that were appended to the sequence
 * included. Any layers and sequences of the cache, each layer of a sequence once. Errors: those of
 * qaqvk_attend; QAQVK_ERROR_HOST_ROWS for rows in host memory, k and v included;
 * QAQVK_ERROR_RECORDED for a second time. They leave the command buffer as it was, but for those of
 * the device: then it can only be reset, and the recording discarded. */
int32_t qaqvk_record_attend(qaqvk_recording recording, qaqvk_sequence sequence, uint32_t layer,
    const qaqvk_rows *q, const qaqvk_rows *out, const qaqvk_attend_options *options);

/* The submission has finished: importance counts the queries, and qaqvk_step comes next. Closes the
 * handle. */
int32_t qaqvk_recording_finish(qaqvk_recording recording);

/* There was and will be no submission: the appended rows wait again. Closes the handle. */
int32_t qaqvk_recording_discard(qaqvk_recording recording);

/* ---- Statistics ---- */

typedef struct qaqvk_stats {
  uint32_t struct_size;
  uint32_t sequences;
  uint64_t tokens;          /* of finished steps */
  uint64_t stored_tokens;   /* of these in pages */
  uint64_t f16_bytes;       /* what the rows would take in f16 */
  /* pages with every header, the used parts of window and importance, a profile's tables */
  uint64_t live_bytes;
  uint64_t stored_bytes;    /* pages alone */
  uint64_t committed_bytes; /* device memory held for them, reserve and slack included */
  uint64_t table_bytes;     /* of a profile, which do not grow: a part of live_bytes */
  /* device and mapped memory that calls work in: does not grow with tokens */
  uint64_t staging_bytes;
  uint64_t host_bytes;      /* host memory */
  uint64_t peak_bytes;      /* the most device memory at once, of the device */
  double key_bits;          /* mean of the stored groups */
  double value_bits;
  double lowered;           /* levels that bytes_budget takes off all tokens */
  uint64_t pages, segments, submits;
  uint64_t promoted, demoted, missed; /* groups whose bits changed, or should have */
  /* elements clamped when appended; groups stored raw because they cannot be quantized */
  uint64_t clamped, non_finite;
} qaqvk_stats;

/* Fills stats, whose struct_size is set before, for all sequences of a cache or for one. */
int32_t qaqvk_cache_get_stats(qaqvk_cache cache, qaqvk_stats *stats);
int32_t qaqvk_sequence_get_stats(qaqvk_sequence sequence, qaqvk_stats *stats);

/* The same and more as JSON (Stats of package backend), UTF-8 with an end of string: writes it to
 * text, of room bytes, where it fits, and its bytes, the end included, to *size. text may be NULL
 * to ask for the size. Errors: QAQVK_ERROR_ARGUMENT where room is too small; *size is set then too.
 */
int32_t qaqvk_cache_get_stats_json(qaqvk_cache cache, char *text, uint64_t room, uint64_t *size);
int32_t qaqvk_sequence_get_stats_json(qaqvk_sequence sequence, char *text, uint64_t room,
    uint64_t *size);

#ifdef __cplusplus
}
#endif

#endif /* QAQVK_H */
