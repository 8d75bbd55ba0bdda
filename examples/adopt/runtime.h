// What a runtime has: an instance, a device and a queue that computes.
#include <vulkan/vulkan.h>

typedef struct {
  VkInstance instance;
  VkPhysicalDevice physical;
  VkDevice device;
  VkQueue queue;
  uint32_t family;
} runtime;

static void destroy(runtime *r) {
  if (r->device) vkDestroyDevice(r->device, NULL);
  if (r->instance) vkDestroyInstance(r->instance, NULL);
}

static VkResult create_device(runtime *r) {
  uint32_t one = 1, count = 16;
  VkQueueFamilyProperties families[16];
  VkResult result = vkEnumeratePhysicalDevices(r->instance, &one, &r->physical);
  if (result < 0 || one == 0) return VK_ERROR_INITIALIZATION_FAILED;
  vkGetPhysicalDeviceQueueFamilyProperties(r->physical, &count, families);
  while (r->family < count && !(families[r->family].queueFlags & VK_QUEUE_COMPUTE_BIT)) r->family++;
  if (r->family == count) return VK_ERROR_FEATURE_NOT_PRESENT;
  float priority = 1;
  VkDeviceQueueCreateInfo queue = {VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                   .queueFamilyIndex = r->family,
                                   .queueCount = 1,
                                   .pQueuePriorities = &priority};
  VkDeviceCreateInfo info = {VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                             .queueCreateInfoCount = 1,
                             .pQueueCreateInfos = &queue};
  if ((result = vkCreateDevice(r->physical, &info, NULL, &r->device)) != VK_SUCCESS) return result;
  vkGetDeviceQueue(r->device, r->family, 0, &r->queue);
  return VK_SUCCESS;
}

static VkResult create(runtime *r) {
  VkApplicationInfo app = {VK_STRUCTURE_TYPE_APPLICATION_INFO, .apiVersion = VK_API_VERSION_1_1};
  VkInstanceCreateInfo info = {VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &app};
  VkResult result = vkCreateInstance(&info, NULL, &r->instance);
  if (result == VK_SUCCESS) result = create_device(r);
  if (result != VK_SUCCESS) destroy(r);
  return result;
}
