// What the Go files need of C: names for the pointers that the header takes, so that the
// functions they export are those that it declares, and what is kept for a thread.
#ifndef QAQVK_NATIVE_H
#define QAQVK_NATIVE_H
#include <qaqvk.h>
#include <stdlib.h>

typedef const char *text_in;
typedef const float *floats_in;
typedef const qaqvk_device_options *device_options_in;
typedef const qaqvk_vulkan *vulkan_in;
typedef const qaqvk_rows *rows_in;
typedef const qaqvk_cache_config *config_in;
typedef const qaqvk_attend_options *attend_options_in;
typedef struct VkCommandBuffer_T *command_buffer_in;

// Keeps what a call of this thread said that failed; codes has the error first.
void qvk_fail(const int32_t *codes, uint32_t count, int32_t vk_result, const char *message);

int qvk_logs(int32_t level);
void qvk_log(int32_t level, const char *message);

void qvk_lock(void (*function)(void *), void *user);
#endif
