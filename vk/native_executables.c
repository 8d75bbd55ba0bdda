// What the driver tells of a compiled pipeline.
#include "native_vk.h"
#include <stdlib.h>
#include <string.h>

// With no out, count becomes the number there is; otherwise it is the room in
// out, and becomes the number written.
int32_t qvk_executables(uint64_t device, uint64_t pipeline, uint32_t *count, qvk_executable *out) {
  VkPipelineInfoKHR info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR,
                            .pipeline = QVK_HANDLE(VkPipeline, pipeline)};
  VkDevice d = QVK_HANDLE(VkDevice, device);
  if (!qvk_vk.executables) return VK_ERROR_EXTENSION_NOT_PRESENT;
  if (!out) return qvk_vk.executables(d, &info, count, NULL);
  VkPipelineExecutablePropertiesKHR *list = calloc(*count + 1, sizeof *list);
  if (!list) return VK_ERROR_OUT_OF_HOST_MEMORY;
  for (uint32_t i = 0; i < *count; i++)
    list[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR;
  VkResult r = qvk_vk.executables(d, &info, count, list);
  for (uint32_t i = 0; r == VK_SUCCESS && i < *count; i++) {
    memcpy(out[i].name, list[i].name, sizeof out[i].name);
    out[i].subgroup_size = list[i].subgroupSize;
  }
  free(list);
  return r;
}

static double number(const VkPipelineExecutableStatisticKHR *s) {
  switch (s->format) {
  case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR: return s->value.b32 != 0;
  case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_INT64_KHR: return (double)s->value.i64;
  case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_UINT64_KHR: return (double)s->value.u64;
  default: return s->value.f64;
  }
}

// count and out as above.
int32_t qvk_statistics(uint64_t device, uint64_t pipeline, uint32_t executable, uint32_t *count,
                       qvk_statistic *out) {
  VkPipelineExecutableInfoKHR info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR,
                                      .pipeline = QVK_HANDLE(VkPipeline, pipeline),
                                      .executableIndex = executable};
  VkDevice d = QVK_HANDLE(VkDevice, device);
  if (!qvk_vk.statistics) return VK_ERROR_EXTENSION_NOT_PRESENT;
  if (!out) return qvk_vk.statistics(d, &info, count, NULL);
  VkPipelineExecutableStatisticKHR *list = calloc(*count + 1, sizeof *list);
  if (!list) return VK_ERROR_OUT_OF_HOST_MEMORY;
  for (uint32_t i = 0; i < *count; i++)
    list[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR;
  VkResult r = qvk_vk.statistics(d, &info, count, list);
  for (uint32_t i = 0; r == VK_SUCCESS && i < *count; i++) {
    memcpy(out[i].name, list[i].name, sizeof out[i].name);
    memcpy(out[i].description, list[i].description, sizeof out[i].description);
    out[i].value = number(&list[i]);
  }
  free(list);
  return r;
}
