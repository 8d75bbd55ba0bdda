// Loader, instance and device creation.
#include "native_vk.h"
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static PFN_vkGetInstanceProcAddr entry;

int qvk_load(const char *library) {
  void *lib = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (!lib) return 0;
  entry = (PFN_vkGetInstanceProcAddr)dlsym(lib, "vkGetInstanceProcAddr");
  if (!entry) dlclose(lib);
  return entry != NULL;
}

void qvk_use(uintptr_t get_instance_proc_addr) {
  entry = (PFN_vkGetInstanceProcAddr)get_instance_proc_addr;
}

void *qvk_entry(void) { return (void *)entry; }

PFN_vkVoidFunction qvk_proc(VkInstance instance, const char *name) {
  return entry(instance, name);
}

uint32_t qvk_instance_version(void) {
  PFN_vkEnumerateInstanceVersion f =
      (PFN_vkEnumerateInstanceVersion)qvk_proc(NULL, "vkEnumerateInstanceVersion");
  uint32_t version = VK_API_VERSION_1_0;
  if (f) f(&version);
  return version;
}

int qvk_has_layer(const char *name) {
  PFN_vkEnumerateInstanceLayerProperties f = (PFN_vkEnumerateInstanceLayerProperties)qvk_proc(
      NULL, "vkEnumerateInstanceLayerProperties");
  uint32_t count = 0;
  int found = 0;
  if (!f || f(&count, NULL) != VK_SUCCESS || count == 0) return 0;
  VkLayerProperties *layers = calloc(count, sizeof *layers);
  if (layers && f(&count, layers) >= 0)
    for (uint32_t i = 0; i < count; i++) found |= !strcmp(layers[i].layerName, name);
  free(layers);
  return found;
}

// extensions are those that a window needs, at most QVK_MOST_EXTENSIONS - 2.
int32_t qvk_create_instance(const char *layer, qvk_log *log, uint32_t count,
                            const char **extensions, uint64_t *instance) {
  VkApplicationInfo app = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                           .pApplicationName = "qaqvk",
                           .apiVersion = VK_API_VERSION_1_3};
  const char *all[QVK_MOST_EXTENSIONS];
  uint32_t used = 0;
  VkValidationFeatureEnableEXT sync = VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT;
  VkDebugUtilsMessengerCreateInfoEXT messenger;
  VkValidationFeaturesEXT validation = {.sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
                                        .pNext = &messenger,
                                        .enabledValidationFeatureCount = 1,
                                        .pEnabledValidationFeatures = &sync};
  VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                               .pApplicationInfo = &app};
  if (layer) {
    qvk_messenger_info(log, &messenger);
    info.pNext = &validation;
    info.enabledLayerCount = 1;
    info.ppEnabledLayerNames = &layer;
    all[used++] = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
    all[used++] = VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME;
  }
  for (uint32_t i = 0; i < count && used < QVK_MOST_EXTENSIONS; i++) all[used++] = extensions[i];
  info.enabledExtensionCount = used;
  info.ppEnabledExtensionNames = all;
  PFN_vkCreateInstance f = (PFN_vkCreateInstance)qvk_proc(NULL, "vkCreateInstance");
  VkInstance made = NULL;
  if (!f) return VK_ERROR_INITIALIZATION_FAILED;
  VkResult r = f(&info, NULL, &made);
  *instance = (uint64_t)(uintptr_t)made;
  return r;
}

// Features of the core versions that faster kernels may use.
static void *chain_features(uint32_t version, VkPhysicalDevice16BitStorageFeatures *s16,
                            VkPhysicalDevice8BitStorageFeatures *s8,
                            VkPhysicalDeviceShaderFloat16Int8Features *f16,
                            VkPhysicalDeviceSubgroupSizeControlFeatures *control) {
  if (version >= VK_API_VERSION_1_2) {
    s16->pNext = s8;
    s8->pNext = f16;
  }
  if (version >= VK_API_VERSION_1_3) f16->pNext = control;
  return s16;
}

int32_t qvk_create_device(uint64_t physical, uint32_t family, int features, int statistics,
                          int swapchain, uint64_t *device) {
  qvk_info have;
  qvk_device_info(physical, &have);
  float priority = 1;
  VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                   .queueFamilyIndex = family,
                                   .queueCount = 1,
                                   .pQueuePriorities = &priority};
  VkPhysicalDevice16BitStorageFeatures s16 = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES,
      .storageBuffer16BitAccess = have.storage16};
  VkPhysicalDevice8BitStorageFeatures s8 = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_8BIT_STORAGE_FEATURES,
      .storageBuffer8BitAccess = have.storage8};
  VkPhysicalDeviceShaderFloat16Int8Features f16 = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES,
      .shaderFloat16 = have.shader_float16,
      .shaderInt8 = have.shader_int8};
  VkPhysicalDeviceSubgroupSizeControlFeatures control = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES,
      .subgroupSizeControl = have.subgroup_control};
  VkPhysicalDeviceFeatures2 wanted = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
  wanted.features.shaderInt16 = have.shader_int16;
  wanted.features.shaderInt64 = have.shader_int64;
  wanted.pNext = chain_features(have.api_version, &s16, &s8, &f16, &control);
  VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                             .pNext = features ? &wanted : NULL,
                             .queueCreateInfoCount = 1,
                             .pQueueCreateInfos = &queue};
  const char *extensions[3];
  info.ppEnabledExtensionNames = extensions;
  if (features && have.float_controls && (have.rte32 || have.denorm_preserve32))
    extensions[info.enabledExtensionCount++] = VK_KHR_SHADER_FLOAT_CONTROLS_EXTENSION_NAME;
  VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR tell = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR,
      .pNext = (void *)info.pNext,
      .pipelineExecutableInfo = VK_TRUE};
  if (statistics) {
    info.pNext = &tell;
    extensions[info.enabledExtensionCount++] = VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME;
  }
  if (swapchain) extensions[info.enabledExtensionCount++] = VK_KHR_SWAPCHAIN_EXTENSION_NAME;
  VkDevice made = NULL;
  VkResult r = qvk_vk.create_device(QVK_HANDLE(VkPhysicalDevice, physical), &info, NULL, &made);
  *device = (uint64_t)(uintptr_t)made;
  return r;
}
