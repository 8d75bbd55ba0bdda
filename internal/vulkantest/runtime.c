#include "runtime.h"

#define TRY(call)                               \
  do {                                          \
    VkResult result_ = (call);                  \
    if (result_ != VK_SUCCESS) return result_;  \
  } while (0)

VkResult vt_create(vt_runtime *r) {
  VkApplicationInfo app = {VK_STRUCTURE_TYPE_APPLICATION_INFO, .apiVersion = VK_API_VERSION_1_1};
  VkInstanceCreateInfo info = {VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &app};
  TRY(vkCreateInstance(&info, NULL, &r->instance));
  uint32_t one = 1, count = 16;
  VkQueueFamilyProperties families[16];
  VkResult found = vkEnumeratePhysicalDevices(r->instance, &one, &r->physical);
  if (found < 0 || one == 0) return VK_ERROR_INITIALIZATION_FAILED;
  vkGetPhysicalDeviceQueueFamilyProperties(r->physical, &count, families);
  while (r->family < count && !(families[r->family].queueFlags & VK_QUEUE_COMPUTE_BIT)) r->family++;
  if (r->family == count) return VK_ERROR_FEATURE_NOT_PRESENT;
  float priority = 1;
  VkDeviceQueueCreateInfo queue = {VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, .queueFamilyIndex = r->family,
                                   .queueCount = 1, .pQueuePriorities = &priority};
  VkDeviceCreateInfo device = {VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, .queueCreateInfoCount = 1, .pQueueCreateInfos = &queue};
  TRY(vkCreateDevice(r->physical, &device, NULL, &r->device));
  vkGetDeviceQueue(r->device, r->family, 0, &r->queue);
  VkCommandPoolCreateInfo pool = {VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                  .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT, .queueFamilyIndex = r->family};
  TRY(vkCreateCommandPool(r->device, &pool, NULL, &r->pool));
  VkCommandBufferAllocateInfo commands = {VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, .commandPool = r->pool,
                                          .commandBufferCount = 1};
  return vkAllocateCommandBuffers(r->device, &commands, &r->commands);
}

void vt_destroy(vt_runtime *r) {
  if (r->pool) vkDestroyCommandPool(r->device, r->pool, NULL);
  if (r->device) vkDestroyDevice(r->device, NULL);
  if (r->instance) vkDestroyInstance(r->instance, NULL);
}

VkResult vt_begin(vt_runtime *r) {
  VkCommandBufferBeginInfo info = {VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  return vkBeginCommandBuffer(r->commands, &info);
}

VkResult vt_submit(vt_runtime *r) {
  VkSubmitInfo info = {VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = &r->commands};
  TRY(vkEndCommandBuffer(r->commands));
  TRY(vkQueueSubmit(r->queue, 1, &info, VK_NULL_HANDLE));
  return vkQueueWaitIdle(r->queue);
}

VkResult vt_make(vt_runtime *r, VkDeviceSize size, vt_buffer *b) {
  VkBufferCreateInfo info = {VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .size = size, .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT};
  TRY(vkCreateBuffer(r->device, &info, NULL, &b->buffer));
  VkMemoryRequirements need;
  VkPhysicalDeviceMemoryProperties have;
  vkGetBufferMemoryRequirements(r->device, b->buffer, &need);
  vkGetPhysicalDeviceMemoryProperties(r->physical, &have);
  VkMemoryPropertyFlags want = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  uint32_t type = 0;
  while (type < have.memoryTypeCount &&
         (!(need.memoryTypeBits & (1u << type)) || (have.memoryTypes[type].propertyFlags & want) != want))
    type++;
  if (type == have.memoryTypeCount) return VK_ERROR_FEATURE_NOT_PRESENT;
  VkMemoryAllocateInfo memory = {VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, .allocationSize = need.size, .memoryTypeIndex = type};
  TRY(vkAllocateMemory(r->device, &memory, NULL, &b->memory));
  TRY(vkBindBufferMemory(r->device, b->buffer, b->memory, 0));
  return vkMapMemory(r->device, b->memory, 0, VK_WHOLE_SIZE, 0, &b->at);
}

void vt_free(vt_runtime *r, vt_buffer *b) {
  if (b->buffer) vkDestroyBuffer(r->device, b->buffer, NULL);
  if (b->memory) vkFreeMemory(r->device, b->memory, NULL);
}
