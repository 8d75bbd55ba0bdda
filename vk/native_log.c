// Validation messages. Drivers call back from their own threads: the messages
// are kept in C and fetched by Go, so that no such thread ever enters Go.
#include "native_vk.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { QVK_LOG_LIMIT = 1000 };

struct qvk_log {
  pthread_mutex_t lock;
  char *messages[QVK_LOG_LIMIT];
  int first, count;
};

qvk_log *qvk_log_new(void) {
  qvk_log *log = calloc(1, sizeof *log);
  if (log) pthread_mutex_init(&log->lock, NULL);
  return log;
}

// The oldest message, to be freed by the caller, or NULL.
char *qvk_log_take(qvk_log *log) {
  char *message = NULL;
  pthread_mutex_lock(&log->lock);
  if (log->count > 0) {
    message = log->messages[log->first];
    log->first = (log->first + 1) % QVK_LOG_LIMIT;
    log->count--;
  }
  pthread_mutex_unlock(&log->lock);
  return message;
}

void qvk_log_free(qvk_log *log) {
  for (char *message; (message = qvk_log_take(log));) free(message);
  pthread_mutex_destroy(&log->lock);
  free(log);
}

static VKAPI_ATTR VkBool32 VKAPI_CALL on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                 VkDebugUtilsMessageTypeFlagsEXT type,
                                                 const VkDebugUtilsMessengerCallbackDataEXT *data,
                                                 void *user) {
  (void)severity;
  (void)type;
  qvk_log *log = user;
  pthread_mutex_lock(&log->lock);
  if (log->count < QVK_LOG_LIMIT) {
    char *copy = strdup(data->pMessage ? data->pMessage : "");
    if (copy) log->messages[(log->first + log->count++) % QVK_LOG_LIMIT] = copy;
  }
  pthread_mutex_unlock(&log->lock);
  return VK_FALSE;
}

// General messages are the loader's talk about drivers that are not used.
void qvk_messenger_info(qvk_log *log, VkDebugUtilsMessengerCreateInfoEXT *info) {
  *info = (VkDebugUtilsMessengerCreateInfoEXT){
      .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
      .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                         VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
      .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT |
                     VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT,
      .pfnUserCallback = on_message,
      .pUserData = log};
}

int32_t qvk_create_messenger(uint64_t instance, qvk_log *log, uint64_t *messenger) {
  VkInstance i = QVK_HANDLE(VkInstance, instance);
  PFN_vkCreateDebugUtilsMessengerEXT f =
      (PFN_vkCreateDebugUtilsMessengerEXT)qvk_proc(i, "vkCreateDebugUtilsMessengerEXT");
  VkDebugUtilsMessengerCreateInfoEXT info;
  VkDebugUtilsMessengerEXT made = VK_NULL_HANDLE;
  if (!f) return VK_ERROR_EXTENSION_NOT_PRESENT;
  qvk_messenger_info(log, &info);
  VkResult r = f(i, &info, NULL, &made);
  *messenger = (uint64_t)(uintptr_t)made;
  return r;
}

void qvk_destroy_messenger(uint64_t instance, uint64_t messenger) {
  VkInstance i = QVK_HANDLE(VkInstance, instance);
  PFN_vkDestroyDebugUtilsMessengerEXT f =
      (PFN_vkDestroyDebugUtilsMessengerEXT)qvk_proc(i, "vkDestroyDebugUtilsMessengerEXT");
  if (f) f(i, QVK_HANDLE(VkDebugUtilsMessengerEXT, messenger), NULL);
}
