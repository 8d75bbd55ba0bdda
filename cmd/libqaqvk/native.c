// Errors of threads, the log, versions, and the structures' first values.
#include "native.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT uint32_t qaqvk_abi_version(void) { return QAQVK_ABI_VERSION; }
EXPORT const char *qaqvk_version(void) { return QAQVK_VERSION; }

enum { CODES = 8 };

static _Thread_local struct {
  int32_t codes[CODES], vk_result;
  char message[1024];
} last;

void qvk_fail(const int32_t *codes, uint32_t count, int32_t vk_result, const char *message) {
  memset(last.codes, 0, sizeof last.codes);
  memcpy(last.codes, codes, (count < CODES ? count : CODES) * sizeof *codes);
  last.vk_result = vk_result;
  size_t n = strlen(message), most = sizeof last.message - 1;
  if (n > most) // not in the middle of a character
    for (n = most; n > 0 && (message[n] & 0xc0) == 0x80;) n--;
  memcpy(last.message, message, n);
  last.message[n] = 0;
}

EXPORT const char *qaqvk_last_message(void) { return last.message; }
EXPORT int32_t qaqvk_last_error(void) { return last.codes[0]; }
EXPORT int32_t qaqvk_last_vk_result(void) { return last.vk_result; }

EXPORT int32_t qaqvk_last_error_is(int32_t error) {
  for (int i = 0; i < CODES && error != 0; i++)
    if (last.codes[i] == error) return 1;
  return 0;
}

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
  qaqvk_log_function function;
  void *user;
  int32_t level;
} log_to;

EXPORT void qaqvk_set_log(qaqvk_log_function function, void *user, int32_t level) {
  pthread_mutex_lock(&log_lock);
  log_to.function = function;
  log_to.user = user;
  log_to.level = level;
  pthread_mutex_unlock(&log_lock);
}

int qvk_logs(int32_t level) {
  pthread_mutex_lock(&log_lock);
  int logs = log_to.function != NULL && level <= log_to.level;
  pthread_mutex_unlock(&log_lock);
  return logs;
}

void qvk_log(int32_t level, const char *message) {
  pthread_mutex_lock(&log_lock);
  qaqvk_log_function function = log_to.function;
  void *user = log_to.user;
  pthread_mutex_unlock(&log_lock);
  if (function) function(level, message, user);
}

void qvk_lock(void (*function)(void *), void *user) { function(user); }

EXPORT const char *qaqvk_wanted_extension(uint32_t index) {
  return index == 0 ? "VK_KHR_shader_float_controls" : NULL;
}

#define INIT(structure)                                                      \
  EXPORT void structure##_init(structure *s) {                               \
    if (!s) return;                                                          \
    memset(s, 0, sizeof *s);                                                 \
    s->struct_size = sizeof *s;                                              \
  }
INIT(qaqvk_device_options)
INIT(qaqvk_vulkan)
INIT(qaqvk_cache_config)
INIT(qaqvk_attend_options)

#define NAME(error) \
  case error: return #error;
EXPORT const char *qaqvk_error_name(int32_t error) {
  switch (error) {
    NAME(QAQVK_OK)
    NAME(QAQVK_ERROR_ARGUMENT)
    NAME(QAQVK_ERROR_HANDLE)
    NAME(QAQVK_ERROR_IN_USE)
    NAME(QAQVK_ERROR_INTERNAL)
    NAME(QAQVK_ERROR_FAILED)
    NAME(QAQVK_ERROR_CONFIG)
    NAME(QAQVK_ERROR_CAPACITY)
    NAME(QAQVK_ERROR_DEFERRED)
    NAME(QAQVK_ERROR_SEQUENCES)
    NAME(QAQVK_ERROR_UNKNOWN_SEQUENCE)
    NAME(QAQVK_ERROR_UNFINISHED_STEP)
    NAME(QAQVK_ERROR_ROLLBACK)
    NAME(QAQVK_ERROR_SHAPE)
    NAME(QAQVK_ERROR_RANGE)
    NAME(QAQVK_ERROR_QUERIES)
    NAME(QAQVK_ERROR_HOST_BUDGET)
    NAME(QAQVK_ERROR_BUDGET)
    NAME(QAQVK_ERROR_RECORDED)
    NAME(QAQVK_ERROR_HOST_ROWS)
    NAME(QAQVK_ERROR_CLOSED)
    NAME(QAQVK_ERROR_UNSUPPORTED)
    NAME(QAQVK_ERROR_NO_LOADER)
    NAME(QAQVK_ERROR_OTHER_LOADER)
    NAME(QAQVK_ERROR_NO_DRIVER)
    NAME(QAQVK_ERROR_NO_COMPUTE)
    NAME(QAQVK_ERROR_UNKNOWN_DEVICE)
    NAME(QAQVK_ERROR_NO_VALIDATION)
    NAME(QAQVK_ERROR_DEVICE_MEMORY)
    NAME(QAQVK_ERROR_HOST_MEMORY)
    NAME(QAQVK_ERROR_DEVICE_LOST)
    NAME(QAQVK_ERROR_LIMIT)
    NAME(QAQVK_ERROR_MEMORY_LIMIT)
    NAME(QAQVK_ERROR_NO_TIMESTAMPS)
    NAME(QAQVK_ERROR_COMPILE_ONLY)
    NAME(QAQVK_ERROR_NO_STATISTICS)
    NAME(QAQVK_ERROR_ARITHMETIC)
    NAME(QAQVK_ERROR_MISMATCH)
    NAME(QAQVK_ERROR_VULKAN)
    NAME(QAQVK_ERROR_PROFILE_FORMAT)
    NAME(QAQVK_ERROR_PROFILE_VERSION)
    NAME(QAQVK_ERROR_PROFILE_MODEL)
    NAME(QAQVK_ERROR_PROFILE_BITS)
    NAME(QAQVK_ERROR_PROFILE_SHAPE)
    NAME(QAQVK_ERROR_PROFILE_UNKNOWN)
  }
  return NULL;
}
