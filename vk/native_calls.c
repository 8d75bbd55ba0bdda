// Calls that pass arrays of structures.
#include "native_vk.h"
#include <stdlib.h>

qvk_table qvk_vk;

// The loader's entry points dispatch on their first argument, so one table
// serves every instance and device of the process.
void qvk_init(uint64_t instance) {
  VkInstance i = QVK_HANDLE(VkInstance, instance);
#define GET(field, name) qvk_vk.field = (PFN_##name)qvk_proc(i, #name)
  GET(create_device, vkCreateDevice);
  GET(properties, vkGetPhysicalDeviceProperties);
  GET(properties2, vkGetPhysicalDeviceProperties2);
  GET(features2, vkGetPhysicalDeviceFeatures2);
  GET(memory, vkGetPhysicalDeviceMemoryProperties);
  GET(families, vkGetPhysicalDeviceQueueFamilyProperties);
  GET(extensions, vkEnumerateDeviceExtensionProperties);
  GET(update_sets, vkUpdateDescriptorSets);
  GET(submit, vkQueueSubmit);
  GET(barrier, vkCmdPipelineBarrier);
  GET(copy, vkCmdCopyBuffer);
  GET(create_pipelines, vkCreateComputePipelines);
  GET(executables, vkGetPipelineExecutablePropertiesKHR);
  GET(statistics, vkGetPipelineExecutableStatisticsKHR);
}

int32_t qvk_create_pipeline(uint64_t device, uint64_t cache, uint64_t module, uint64_t layout,
                            uint32_t constants, const uint32_t *ids, const uint32_t *values,
                            int statistics, uint64_t *pipeline) {
  VkSpecializationMapEntry *entries = calloc(constants + 1, sizeof *entries);
  if (!entries) return VK_ERROR_OUT_OF_HOST_MEMORY;
  for (uint32_t i = 0; i < constants; i++)
    entries[i] = (VkSpecializationMapEntry){ids[i], i * 4, 4};
  VkSpecializationInfo spec = {constants, entries, constants * 4, values};
  VkComputePipelineCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
      .flags = statistics ? VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR : 0,
      .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                .module = QVK_HANDLE(VkShaderModule, module),
                .pName = "main",
                .pSpecializationInfo = &spec},
      .layout = QVK_HANDLE(VkPipelineLayout, layout)};
  VkPipeline made = VK_NULL_HANDLE;
  VkResult r = qvk_vk.create_pipelines(QVK_HANDLE(VkDevice, device),
                                       QVK_HANDLE(VkPipelineCache, cache), 1, &info, NULL, &made);
  free(entries);
  *pipeline = (uint64_t)(uintptr_t)made;
  return r;
}

// Writes count storage buffers, at most 64.
void qvk_write_set(uint64_t device, uint64_t set, uint32_t count, const uint32_t *bindings,
                   const uint64_t *buffers, const uint64_t *offsets, const uint64_t *sizes) {
  VkDescriptorBufferInfo infos[64];
  VkWriteDescriptorSet writes[64];
  for (uint32_t i = 0; i < count && i < 64; i++) {
    infos[i] = (VkDescriptorBufferInfo){QVK_HANDLE(VkBuffer, buffers[i]), offsets[i], sizes[i]};
    writes[i] = (VkWriteDescriptorSet){.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                       .dstSet = QVK_HANDLE(VkDescriptorSet, set),
                                       .dstBinding = bindings[i],
                                       .descriptorCount = 1,
                                       .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                                       .pBufferInfo = &infos[i]};
  }
  qvk_vk.update_sets(QVK_HANDLE(VkDevice, device), count, writes, 0, NULL);
}

int32_t qvk_submit(uint64_t queue, uint64_t commands, uint64_t fence) {
  VkCommandBuffer buffer = QVK_HANDLE(VkCommandBuffer, commands);
  VkSubmitInfo info = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                       .commandBufferCount = 1,
                       .pCommandBuffers = &buffer};
  return qvk_vk.submit(QVK_HANDLE(VkQueue, queue), 1, &info, QVK_HANDLE(VkFence, fence));
}

void qvk_barrier(uint64_t commands, uint32_t src_stages, uint32_t dst_stages,
                 uint32_t src_access, uint32_t dst_access) {
  VkMemoryBarrier all = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                         .srcAccessMask = src_access,
                         .dstAccessMask = dst_access};
  qvk_vk.barrier(QVK_HANDLE(VkCommandBuffer, commands), src_stages, dst_stages, 0, 1, &all, 0,
                 NULL, 0, NULL);
}

// regions holds count times source offset, target offset and size.
void qvk_copy(uint64_t commands, uint64_t src, uint64_t dst, uint32_t count,
              const uint64_t *regions) {
  _Static_assert(sizeof(VkBufferCopy) == 24, "a region is three 64-bit words");
  qvk_vk.copy(QVK_HANDLE(VkCommandBuffer, commands), QVK_HANDLE(VkBuffer, src),
              QVK_HANDLE(VkBuffer, dst), count, (const VkBufferCopy *)regions);
}
