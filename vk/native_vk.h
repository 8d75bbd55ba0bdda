// Shared by the C files of vk only: the entry points that they call.
#ifndef QVK_NATIVE_VK_H
#define QVK_NATIVE_VK_H
#include "native.h"
#include <vulkan/vulkan.h>

#define QVK_HANDLE(type, value) ((type)(uintptr_t)(value))

typedef struct {
  PFN_vkCreateDevice create_device;
  PFN_vkGetPhysicalDeviceProperties properties;
  PFN_vkGetPhysicalDeviceProperties2 properties2;
  PFN_vkGetPhysicalDeviceFeatures2 features2;
  PFN_vkGetPhysicalDeviceMemoryProperties memory;
  PFN_vkGetPhysicalDeviceQueueFamilyProperties families;
  PFN_vkEnumerateDeviceExtensionProperties extensions;
  PFN_vkUpdateDescriptorSets update_sets;
  PFN_vkQueueSubmit submit;
  PFN_vkCmdPipelineBarrier barrier;
  PFN_vkCmdCopyBuffer copy;
  PFN_vkCreateComputePipelines create_pipelines;
  PFN_vkGetPipelineExecutablePropertiesKHR executables;
  PFN_vkGetPipelineExecutableStatisticsKHR statistics;
} qvk_table;

extern qvk_table qvk_vk;

PFN_vkVoidFunction qvk_proc(VkInstance instance, const char *name);
void qvk_messenger_info(qvk_log *log, VkDebugUtilsMessengerCreateInfoEXT *info);
#endif
