// A runtime's own Vulkan device: an instance, a queue, a command buffer, buffers.
#include <stdint.h>
#include <vulkan/vulkan.h>

typedef struct {
  VkInstance instance;
  VkPhysicalDevice physical;
  VkDevice device;
  VkQueue queue;
  uint32_t family;
  VkCommandPool pool;
  VkCommandBuffer commands;
} vt_runtime;

typedef struct {
  VkBuffer buffer;
  VkDeviceMemory memory;
  void *at;
} vt_buffer;

VkResult vt_create(vt_runtime *r);
void vt_destroy(vt_runtime *r);
VkResult vt_begin(vt_runtime *r);
VkResult vt_submit(vt_runtime *r);
VkResult vt_make(vt_runtime *r, VkDeviceSize size, vt_buffer *b);
void vt_free(vt_runtime *r, vt_buffer *b);
