// What a caller can do wrong, from the device DEVICE on: each is an error, nothing is lost.
// errors DEVICE
#include "check.h"
#include <pthread.h>

static int logged[5];
static char last_logged[256];

static void on_log(int32_t level, const char *message, void *user) {
  CHECK(user == (void *)logged && level >= QAQVK_LOG_ERROR && level <= QAQVK_LOG_DEBUG);
  logged[level]++;
  snprintf(last_logged, sizeof last_logged, "%s", message);
}

// other_thread has a message of its own.
static void *other_thread(void *sequence) {
  CHECK(strcmp(qaqvk_last_message(), "") == 0 && qaqvk_last_error() == QAQVK_OK);
  GIVES(QAQVK_ERROR_RANGE, qaqvk_rollback(*(qaqvk_sequence *)sequence, 7));
  CHECK(strstr(qaqvk_last_message(), "rollback of 7 tokens") != NULL);
  return NULL;
}

static void arguments(void) {
  qaqvk_device device = 7;
  qaqvk_device_options options;
  qaqvk_device_info info;
  qaqvk_profile profile = 7;
  GIVES(QAQVK_ERROR_ARGUMENT, qaqvk_device_open(NULL, NULL, &device));
  CHECK(device == 0);
  GIVES(QAQVK_ERROR_ARGUMENT, qaqvk_device_open("cpu", NULL, NULL));
  memset(&options, 0, sizeof options);
  GIVES(QAQVK_ERROR_ARGUMENT, qaqvk_device_open("cpu", &options, &device));
  CHECK(strstr(qaqvk_last_message(), "struct_size 0") != NULL);
  GIVES(QAQVK_ERROR_ARGUMENT, qaqvk_device_adopt(NULL, NULL, &device));
  GIVES(QAQVK_ERROR_HANDLE, qaqvk_device_close(0));
  GIVES(QAQVK_ERROR_HANDLE, qaqvk_device_close(123456789));
  info.struct_size = 8;
  GIVES(QAQVK_ERROR_ARGUMENT, qaqvk_device_get_info(1, &info));
  GIVES(QAQVK_ERROR_FAILED, qaqvk_profile_load("/there/is/no such file", &profile));
  CHECK(profile == 0);
  GIVES(QAQVK_ERROR_PROFILE_UNKNOWN, qaqvk_profile_shipped("no model", &profile));
  qaqvk_device_options_init(NULL);
}

// longer is a structure of a later version.
typedef struct {
  qaqvk_device_options known;
  uint64_t later;
} longer;

static void versions(const char *name) {
  qaqvk_device device;
  qaqvk_cache cache;
  qaqvk_cache_config config;
  longer options;
  memset(&options, 0, sizeof options);
  options.known.struct_size = sizeof options;
  options.later = 1;
  GIVES(QAQVK_ERROR_ARGUMENT, qaqvk_device_open(name, &options.known, &device));
  options.later = 0;
  options.known.memory_limit = 2000000;
  OK(qaqvk_device_open(name, &options.known, &device));
  shape(&config);
  config.capacity = 1 << 20;
  GIVES(QAQVK_ERROR_MEMORY_LIMIT, qaqvk_cache_create(device, &config, &cache));
  CHECK(qaqvk_last_error_is(QAQVK_ERROR_MEMORY_LIMIT) && !qaqvk_last_error_is(QAQVK_ERROR_SHAPE) && !qaqvk_last_error_is(0));
  qaqvk_device_info info;
  memset(&info, 0, sizeof info);
  info.struct_size = sizeof info;
  OK(qaqvk_device_get_info(device, &info));
  CHECK(info.live_bytes == 0);
  OK(qaqvk_device_close(device));
}

static void configurations(qaqvk_device device) {
  qaqvk_cache_config config;
  qaqvk_cache cache = 9;
  GIVES(QAQVK_ERROR_ARGUMENT, qaqvk_cache_create(device, NULL, &cache));
  CHECK(cache == 0);
  qaqvk_cache_config_init(&config);
  GIVES(QAQVK_ERROR_CONFIG, qaqvk_cache_create(device, &config, &cache));
  shape(&config);
  config.policy = "best";
  GIVES(QAQVK_ERROR_CONFIG, qaqvk_cache_create(device, &config, &cache));
  CHECK(strstr(qaqvk_last_message(), "\"best\"") != NULL);
  config.policy = "levels";
  GIVES(QAQVK_ERROR_CONFIG, qaqvk_cache_create(device, &config, &cache));
  shape(&config);
  config.host_budget = UINT64_MAX;
  GIVES(QAQVK_ERROR_ARGUMENT, qaqvk_cache_create(device, &config, &cache));
  shape(&config);
  config.layers = 1u << 31;
  config.layer_windows = &config.layers;
  GIVES(QAQVK_ERROR_CONFIG, qaqvk_cache_create(device, &config, &cache));
  shape(&config);
  config.type = 3;
  GIVES(QAQVK_ERROR_CONFIG, qaqvk_cache_create(device, &config, &cache));
  shape(&config);
  config.profile = device;
  GIVES(QAQVK_ERROR_HANDLE, qaqvk_cache_create(device, &config, &cache));
  shape(&config);
  OK(qaqvk_profile_shipped("SmolLM2-135M-Instruct", &config.profile));
  GIVES(QAQVK_ERROR_PROFILE_SHAPE, qaqvk_cache_create(device, &config, &cache));
  CHECK(qaqvk_last_error_is(QAQVK_ERROR_CONFIG));
  config.bits = 99;
  GIVES(QAQVK_ERROR_PROFILE_BITS, qaqvk_cache_create(device, &config, &cache));
  OK(qaqvk_profile_close(config.profile));
}

static void rows(qaqvk_sequence text) {
  static float k[64 * KV], q[64 * Q];
  qaqvk_rows good = host_rows(k, 3 * KV), bad = good, queries = host_rows(q, 3 * Q);
  GIVES(QAQVK_ERROR_ARGUMENT, qaqvk_append(text, 0, &good, NULL));
  GIVES(QAQVK_ERROR_ARGUMENT, qaqvk_append(text, 0, NULL, &good));
  bad.host = NULL;
  GIVES(QAQVK_ERROR_ARGUMENT, qaqvk_append(text, 0, &bad, &good));
  bad = good;
  bad.buffer = 99;
  GIVES(QAQVK_ERROR_ARGUMENT, qaqvk_append(text, 0, &bad, &good));
  bad.host = NULL;
  GIVES(QAQVK_ERROR_HANDLE, qaqvk_append(text, 0, &bad, &good));
  bad = good;
  bad.size = UINT64_MAX;
  GIVES(QAQVK_ERROR_ARGUMENT, qaqvk_append(text, 0, &bad, &good));
  bad.size = good.size;
  bad.offset = UINT64_MAX - 3;
  GIVES(QAQVK_ERROR_ARGUMENT, qaqvk_append(text, 0, &bad, &good));
  bad = good;
  bad.type = 3;
  GIVES(QAQVK_ERROR_ARGUMENT, qaqvk_append(text, 0, &bad, &good));
  bad = good;
  bad.size -= 4;
  GIVES(QAQVK_ERROR_SHAPE, qaqvk_append(text, 0, &bad, &good));
  bad.size = 0;
  GIVES(QAQVK_ERROR_SHAPE, qaqvk_append(text, 0, &bad, &good));
  bad.size = sizeof k;
  GIVES(QAQVK_ERROR_CAPACITY, qaqvk_append(text, 0, &bad, &bad));
  GIVES(QAQVK_ERROR_RANGE, qaqvk_append(text, LAYERS, &good, &good));
  GIVES(QAQVK_ERROR_RANGE, qaqvk_append(text, UINT32_MAX, &good, &good));
  GIVES(QAQVK_ERROR_QUERIES, qaqvk_attend(text, 0, &queries, &queries, NULL));
  OK(qaqvk_append(text, 0, &good, &good));
  GIVES(QAQVK_ERROR_UNFINISHED_STEP, qaqvk_step(text));
  qaqvk_attend_options options;
  qaqvk_attend_options_init(&options);
  options.scale = NAN;
  GIVES(QAQVK_ERROR_CONFIG, qaqvk_attend(text, 0, &queries, &queries, &options));
  options.struct_size--;
  GIVES(QAQVK_ERROR_ARGUMENT, qaqvk_attend(text, 0, &queries, &queries, &options));
  GIVES(QAQVK_ERROR_ARGUMENT, qaqvk_observe(text, 0, NULL, 1, 1, 1));
  GIVES(QAQVK_ERROR_ARGUMENT, qaqvk_observe(text, 0, q, UINT64_MAX, 1, 1));
  qaqvk_sequence fork;
  GIVES(QAQVK_ERROR_UNFINISHED_STEP, qaqvk_sequence_fork(text, &fork));
  OK(qaqvk_append(text, 1, &good, &good));
  OK(qaqvk_step(text));
  bad = host_rows(k, 2 * KV);
  GIVES(QAQVK_ERROR_SHAPE, qaqvk_read(text, 0, &bad, &bad, NULL));
  GIVES(QAQVK_ERROR_ARGUMENT, qaqvk_tokens(text, NULL));
}

static void without_vulkan(qaqvk_device device, qaqvk_cache cache) {
  qaqvk_buffer buffer = 5;
  qaqvk_recording recording = 5;
  GIVES(QAQVK_ERROR_UNSUPPORTED, qaqvk_buffer_import(device, 77, 64, &buffer));
  GIVES(QAQVK_ERROR_UNSUPPORTED, qaqvk_recording_begin(cache, (struct VkCommandBuffer_T *)logged, &recording));
  CHECK(buffer == 0 && recording == 0);
}

int main(int argc, char **argv) {
  qaqvk_device device;
  qaqvk_cache cache;
  qaqvk_sequence text;
  qaqvk_cache_config config;
  qaqvk_recording recording;
  qaqvk_buffer buffer;
  pthread_t thread;
  CHECK(argc == 2);
  pin();
  CHECK(qaqvk_error_name(QAQVK_ERROR_SHAPE) != NULL && strcmp(qaqvk_error_name(QAQVK_ERROR_SHAPE), "QAQVK_ERROR_SHAPE") == 0);
  CHECK(qaqvk_error_name(1) == NULL && qaqvk_wanted_extension(0) != NULL && qaqvk_wanted_extension(1) == NULL);
  arguments();
  versions(argv[1]);
  qaqvk_set_log(on_log, logged, QAQVK_LOG_INFO);
  OK(qaqvk_device_open(argv[1], NULL, &device));
  CHECK(logged[QAQVK_LOG_INFO] == 1 && strncmp(last_logged, "opened ", 7) == 0);
  configurations(device);
  shape(&config);
  OK(qaqvk_cache_create(device, &config, &cache));
  OK(qaqvk_sequence_create(cache, &text));
  GIVES(QAQVK_ERROR_HANDLE, qaqvk_step(cache));
  GIVES(QAQVK_ERROR_HANDLE, qaqvk_cache_close(text));
  rows(text);
  GIVES(QAQVK_ERROR_ARGUMENT, qaqvk_recording_begin(cache, NULL, &recording));
  GIVES(QAQVK_ERROR_ARGUMENT, qaqvk_buffer_import(device, 0, 64, &buffer));
  GIVES(QAQVK_ERROR_ARGUMENT, qaqvk_buffer_import(device, 77, 63, &buffer));
  if (strcmp(argv[1], "cpu") == 0) without_vulkan(device, cache);
  GIVES(QAQVK_ERROR_ARGUMENT, qaqvk_tokens(text, NULL));
  CHECK(pthread_create(&thread, NULL, other_thread, &text) == 0 && pthread_join(thread, NULL) == 0);
  CHECK(strstr(qaqvk_last_message(), "tokens is NULL") != NULL && qaqvk_last_error() == QAQVK_ERROR_ARGUMENT);
  CHECK(logged[QAQVK_LOG_ERROR] > 30 && logged[QAQVK_LOG_DEBUG] == 0 && qaqvk_last_vk_result() == 0);
  qaqvk_set_log(on_log, logged, QAQVK_LOG_DEBUG);
  OK(qaqvk_step(text));
  CHECK(logged[QAQVK_LOG_DEBUG] == 1 && strcmp(last_logged, "qaqvk_step") == 0);
  qaqvk_set_log(NULL, NULL, 0);
  close_all(cache, device);
  puts("ok");
  return 0;
}
