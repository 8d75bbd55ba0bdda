// What a physical device offers, newer structures included.
#include "native_vk.h"
#include <stdlib.h>
#include <string.h>

static int has_extension(VkPhysicalDevice device, const char *name) {
  uint32_t count = 0;
  int found = 0;
  if (qvk_vk.extensions(device, NULL, &count, NULL) != VK_SUCCESS || count == 0) return 0;
  VkExtensionProperties *list = calloc(count, sizeof *list);
  if (list && qvk_vk.extensions(device, NULL, &count, list) >= 0)
    for (uint32_t i = 0; i < count; i++) found |= !strcmp(list[i].extensionName, name);
  free(list);
  return found;
}

static void read_limits(const VkPhysicalDeviceLimits *l, qvk_info *out) {
  out->invocations = l->maxComputeWorkGroupInvocations;
  memcpy(out->workgroup_size, l->maxComputeWorkGroupSize, sizeof out->workgroup_size);
  memcpy(out->workgroups, l->maxComputeWorkGroupCount, sizeof out->workgroups);
  out->shared_bytes = l->maxComputeSharedMemorySize;
  out->storage_buffers = l->maxPerStageDescriptorStorageBuffers;
  out->set_storage_buffers = l->maxDescriptorSetStorageBuffers;
  out->push_bytes = l->maxPushConstantsSize;
  out->storage_range = l->maxStorageBufferRange;
  out->allocations = l->maxMemoryAllocationCount;
  out->storage_align = l->minStorageBufferOffsetAlignment;
  out->timestamp_period = l->timestampPeriod;
}

static void read_properties(VkPhysicalDevice device, qvk_info *out) {
  VkPhysicalDeviceMaintenance3Properties memory = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES};
  VkPhysicalDeviceSubgroupProperties subgroup = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES, .pNext = &memory};
  VkPhysicalDeviceDriverProperties driver = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
  VkPhysicalDeviceFloatControlsProperties floats = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FLOAT_CONTROLS_PROPERTIES};
  VkPhysicalDeviceSubgroupSizeControlProperties sizes = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES};
  VkPhysicalDeviceProperties2 all = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                     .pNext = &subgroup};
  void **tail = &memory.pNext;
  int core12 = out->api_version >= VK_API_VERSION_1_2;
  if (core12 || has_extension(device, VK_KHR_DRIVER_PROPERTIES_EXTENSION_NAME))
    *tail = &driver, tail = &driver.pNext;
  out->float_controls = has_extension(device, VK_KHR_SHADER_FLOAT_CONTROLS_EXTENSION_NAME);
  if (core12 || out->float_controls)
    *tail = &floats, tail = &floats.pNext;
  if (out->api_version >= VK_API_VERSION_1_3) *tail = &sizes;
  qvk_vk.properties2(device, &all);
  out->allocation_bytes = memory.maxMemoryAllocationSize;
  out->subgroup_size = subgroup.subgroupSize;
  out->subgroup_min = sizes.minSubgroupSize ? sizes.minSubgroupSize : subgroup.subgroupSize;
  out->subgroup_max = sizes.maxSubgroupSize ? sizes.maxSubgroupSize : subgroup.subgroupSize;
  memcpy(out->driver, driver.driverName, sizeof out->driver);
  memcpy(out->driver_info, driver.driverInfo, sizeof out->driver_info);
  out->rte32 = floats.shaderRoundingModeRTEFloat32;
  out->denorm_preserve32 = floats.shaderDenormPreserveFloat32;
  out->denorm_flush32 = floats.shaderDenormFlushToZeroFloat32;
  out->nan_preserve32 = floats.shaderSignedZeroInfNanPreserveFloat32;
  out->rounding_shared = floats.roundingModeIndependence == VK_SHADER_FLOAT_CONTROLS_INDEPENDENCE_NONE;
  out->denorm_shared = floats.denormBehaviorIndependence == VK_SHADER_FLOAT_CONTROLS_INDEPENDENCE_NONE;
}

static void read_features(VkPhysicalDevice device, qvk_info *out) {
  VkPhysicalDevice16BitStorageFeatures s16 = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES};
  VkPhysicalDevice8BitStorageFeatures s8 = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_8BIT_STORAGE_FEATURES};
  VkPhysicalDeviceShaderFloat16Int8Features f16 = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES};
  VkPhysicalDeviceSubgroupSizeControlFeatures control = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES};
  VkPhysicalDeviceFeatures2 all = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                   .pNext = &s16};
  VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR statistics = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR};
  if (out->api_version >= VK_API_VERSION_1_2) s16.pNext = &s8, s8.pNext = &f16;
  if (out->api_version >= VK_API_VERSION_1_3) f16.pNext = &control;
  if (has_extension(device, VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME))
    statistics.pNext = all.pNext, all.pNext = &statistics;
  qvk_vk.features2(device, &all);
  out->statistics = statistics.pipelineExecutableInfo;
  out->swapchain = has_extension(device, VK_KHR_SWAPCHAIN_EXTENSION_NAME);
  out->shader_int16 = all.features.shaderInt16;
  out->shader_int64 = all.features.shaderInt64;
  out->storage16 = s16.storageBuffer16BitAccess;
  out->storage8 = s8.storageBuffer8BitAccess;
  out->shader_int8 = f16.shaderInt8;
  out->shader_float16 = f16.shaderFloat16;
  out->subgroup_control = control.subgroupSizeControl;
}

static void read_memory(VkPhysicalDevice device, qvk_info *out) {
  VkPhysicalDeviceMemoryProperties m;
  qvk_vk.memory(device, &m);
  out->type_count = m.memoryTypeCount;
  for (uint32_t i = 0; i < m.memoryTypeCount; i++) {
    out->type_flags[i] = m.memoryTypes[i].propertyFlags;
    out->type_heap[i] = m.memoryTypes[i].heapIndex;
  }
  out->heap_count = m.memoryHeapCount;
  for (uint32_t i = 0; i < m.memoryHeapCount; i++) {
    out->heap_flags[i] = m.memoryHeaps[i].flags;
    out->heap_size[i] = m.memoryHeaps[i].size;
  }
}

static void read_families(VkPhysicalDevice device, qvk_info *out) {
  VkQueueFamilyProperties list[32];
  uint32_t count = 0;
  // SwiftShader leaves a count that is too large as it is: ask for it first.
  qvk_vk.families(device, &count, NULL);
  if (count > 32) count = 32;
  qvk_vk.families(device, &count, list);
  out->family_count = count;
  for (uint32_t i = 0; i < count; i++) {
    out->family_flags[i] = list[i].queueFlags;
    out->family_timestamp_bits[i] = list[i].timestampValidBits;
  }
}

void qvk_device_info(uint64_t physical, qvk_info *out) {
  VkPhysicalDevice device = QVK_HANDLE(VkPhysicalDevice, physical);
  VkPhysicalDeviceProperties p;
  memset(out, 0, sizeof *out);
  qvk_vk.properties(device, &p);
  memcpy(out->name, p.deviceName, sizeof out->name);
  out->api_version = p.apiVersion;
  out->driver_version = p.driverVersion;
  out->vendor_id = p.vendorID;
  out->device_id = p.deviceID;
  out->type = p.deviceType;
  memcpy(out->cache_uuid, p.pipelineCacheUUID, sizeof out->cache_uuid);
  read_limits(&p.limits, out);
  read_memory(device, out);
  read_families(device, out);
  if (p.apiVersion < VK_API_VERSION_1_1) return;
  read_properties(device, out);
  read_features(device, out);
}
