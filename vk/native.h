// The part of vk that needs newer Vulkan structures than the Go binding knows,
// or that passes arrays of structures: the binding frees such arrays from a
// finalizer, possibly while the driver still reads them. Handles are uint64_t.
#ifndef QVK_NATIVE_H
#define QVK_NATIVE_H
#include <stdint.h>

typedef struct {
  char name[256], driver[256], driver_info[256];
  uint32_t api_version, driver_version, vendor_id, device_id, type;
  uint8_t cache_uuid[16];
  uint32_t invocations, workgroup_size[3], workgroups[3], shared_bytes;
  uint32_t storage_buffers, set_storage_buffers, push_bytes, storage_range, allocations;
  uint64_t storage_align, allocation_bytes;
  float timestamp_period;
  uint32_t subgroup_size, subgroup_min, subgroup_max;
  uint32_t shader_int16, shader_int64, storage16, storage8, shader_int8, shader_float16, subgroup_control;
  uint32_t rte32, denorm_preserve32, denorm_flush32, nan_preserve32;
  uint32_t float_controls, rounding_shared, denorm_shared;
  uint32_t statistics; // of compiled pipelines
  uint32_t swapchain;  // it has the extension
  uint32_t type_count, type_flags[32], type_heap[32];
  uint32_t heap_count, heap_flags[16];
  uint64_t heap_size[16];
  uint32_t family_count, family_flags[32], family_timestamp_bits[32];
} qvk_info;

typedef struct qvk_log qvk_log;

int qvk_load(const char *library);
void qvk_use(uintptr_t get_instance_proc_addr);
void *qvk_entry(void);
void qvk_init(uint64_t instance);
uint32_t qvk_instance_version(void);
int qvk_has_layer(const char *name);
int32_t qvk_create_instance(const char *layer, qvk_log *log, uint32_t count,
                            const char **extensions, uint64_t *instance);
void qvk_device_info(uint64_t physical, qvk_info *out);
int32_t qvk_create_device(uint64_t physical, uint32_t family, int features, int statistics,
                          int swapchain, uint64_t *device);

int32_t qvk_create_pipeline(uint64_t device, uint64_t cache, uint64_t module, uint64_t layout,
                            uint32_t constants, const uint32_t *ids, const uint32_t *values,
                            int statistics, uint64_t *pipeline);
void qvk_write_set(uint64_t device, uint64_t set, uint32_t count, const uint32_t *bindings,
                   const uint64_t *buffers, const uint64_t *offsets, const uint64_t *sizes);
int32_t qvk_submit(uint64_t queue, uint64_t commands, uint64_t fence);
void qvk_barrier(uint64_t commands, uint32_t src_stages, uint32_t dst_stages,
                 uint32_t src_access, uint32_t dst_access);
void qvk_copy(uint64_t commands, uint64_t src, uint64_t dst, uint32_t count,
              const uint64_t *regions);

typedef struct {
  char name[256];
  uint32_t subgroup_size;
} qvk_executable;

typedef struct {
  char name[256], description[256];
  double value;
} qvk_statistic;

int32_t qvk_executables(uint64_t device, uint64_t pipeline, uint32_t *count, qvk_executable *out);
int32_t qvk_statistics(uint64_t device, uint64_t pipeline, uint32_t executable, uint32_t *count,
                       qvk_statistic *out);

#define QVK_MOST_IMAGES 16
#define QVK_MOST_EXTENSIONS 16

typedef struct {
  uint32_t width, height; // UINT32_MAX: what the swapchain has
  uint32_t least_width, least_height, most_width, most_height;
  uint32_t images, transform, alpha, format, bgra, mode;
} qvk_surface_info;

void qvk_init_window(uint64_t instance);
int32_t qvk_headless_surface(uint64_t instance, uint64_t *surface);
int qvk_can_present(uint64_t physical, uint32_t family, uint64_t surface);
int32_t qvk_surface_of(uint64_t physical, uint64_t surface, qvk_surface_info *out);
int32_t qvk_create_swapchain(uint64_t device, uint64_t surface, const qvk_surface_info *info,
                             uint32_t width, uint32_t height, uint64_t old, uint64_t *out);
int32_t qvk_swapchain_images(uint64_t device, uint64_t swapchain, uint32_t *count, uint64_t *out);
int32_t qvk_acquire(uint64_t device, uint64_t swapchain, uint64_t timeout, uint64_t semaphore,
                    uint32_t *index);
void qvk_copy_to_image(uint64_t commands, uint64_t buffer, uint64_t image, uint32_t width,
                       uint32_t height);
int32_t qvk_submit_frame(uint64_t queue, uint64_t commands, uint64_t wait, uint64_t signal,
                         uint64_t fence);
int32_t qvk_present(uint64_t queue, uint64_t swapchain, uint64_t wait, uint32_t index);
void qvk_destroy_swapchain(uint64_t device, uint64_t swapchain);
void qvk_destroy_surface(uint64_t instance, uint64_t surface);

qvk_log *qvk_log_new(void);
char *qvk_log_take(qvk_log *log);
void qvk_log_free(qvk_log *log);
int32_t qvk_create_messenger(uint64_t instance, qvk_log *log, uint64_t *messenger);
void qvk_destroy_messenger(uint64_t instance, uint64_t messenger);
#endif
