// Surfaces and swapchains. Their functions are there only by way of an instance that
// has the extensions, so the table is filled anew for each.
#include "native_vk.h"
#include <stdlib.h>
#include <string.h>

static struct {
  PFN_vkGetPhysicalDeviceSurfaceSupportKHR support;
  PFN_vkGetPhysicalDeviceSurfaceCapabilitiesKHR capabilities;
  PFN_vkGetPhysicalDeviceSurfaceFormatsKHR formats;
  PFN_vkGetPhysicalDeviceSurfacePresentModesKHR modes;
  PFN_vkDestroySurfaceKHR destroy_surface;
  PFN_vkCreateSwapchainKHR create;
  PFN_vkDestroySwapchainKHR destroy;
  PFN_vkGetSwapchainImagesKHR images;
  PFN_vkAcquireNextImageKHR acquire;
  PFN_vkQueuePresentKHR present;
  PFN_vkCmdCopyBufferToImage copy;
} table;

void qvk_init_window(uint64_t instance) {
  VkInstance i = QVK_HANDLE(VkInstance, instance);
#define GET(field, name) table.field = (PFN_##name)qvk_proc(i, #name)
  GET(support, vkGetPhysicalDeviceSurfaceSupportKHR);
  GET(capabilities, vkGetPhysicalDeviceSurfaceCapabilitiesKHR);
  GET(formats, vkGetPhysicalDeviceSurfaceFormatsKHR);
  GET(modes, vkGetPhysicalDeviceSurfacePresentModesKHR);
  GET(destroy_surface, vkDestroySurfaceKHR);
  GET(create, vkCreateSwapchainKHR);
  GET(destroy, vkDestroySwapchainKHR);
  GET(images, vkGetSwapchainImagesKHR);
  GET(acquire, vkAcquireNextImageKHR);
  GET(present, vkQueuePresentKHR);
  GET(copy, vkCmdCopyBufferToImage);
}

int32_t qvk_headless_surface(uint64_t instance, uint64_t *surface) {
  VkInstance i = QVK_HANDLE(VkInstance, instance);
  PFN_vkCreateHeadlessSurfaceEXT create =
      (PFN_vkCreateHeadlessSurfaceEXT)qvk_proc(i, "vkCreateHeadlessSurfaceEXT");
  VkHeadlessSurfaceCreateInfoEXT info = {.sType = VK_STRUCTURE_TYPE_HEADLESS_SURFACE_CREATE_INFO_EXT};
  VkSurfaceKHR made = VK_NULL_HANDLE;
  if (!create) return VK_ERROR_EXTENSION_NOT_PRESENT;
  VkResult r = create(i, &info, NULL, &made);
  *surface = (uint64_t)(uintptr_t)made;
  return r;
}

int qvk_can_present(uint64_t physical, uint32_t family, uint64_t surface) {
  VkBool32 can = VK_FALSE;
  VkResult r = table.support(QVK_HANDLE(VkPhysicalDevice, physical), family,
                             QVK_HANDLE(VkSurfaceKHR, surface), &can);
  return r == VK_SUCCESS && can;
}

// The first format of four bytes of eight bits each: pictures are copied as they are.
static int32_t pick_format(VkPhysicalDevice p, VkSurfaceKHR s, qvk_surface_info *out) {
  static const VkFormat wanted[] = {VK_FORMAT_B8G8R8A8_UNORM, VK_FORMAT_R8G8B8A8_UNORM,
                                    VK_FORMAT_B8G8R8A8_SRGB, VK_FORMAT_R8G8B8A8_SRGB};
  uint32_t count = 0;
  VkResult r = table.formats(p, s, &count, NULL);
  if (r != VK_SUCCESS) return r;
  VkSurfaceFormatKHR *list = calloc(count + 1, sizeof *list);
  if (!list) return VK_ERROR_OUT_OF_HOST_MEMORY;
  r = table.formats(p, s, &count, list);
  out->format = VK_FORMAT_UNDEFINED;
  for (size_t w = 0; w < 4 && r == VK_SUCCESS && out->format == VK_FORMAT_UNDEFINED; w++)
    for (uint32_t i = 0; i < count; i++)
      if (list[i].format == wanted[w] && list[i].colorSpace == VK_COLOR_SPACE_SRGB_NONLINEAR_KHR) {
        out->format = wanted[w];
        out->bgra = w % 2 == 0;
      }
  free(list);
  if (r == VK_SUCCESS && out->format == VK_FORMAT_UNDEFINED) r = VK_ERROR_FORMAT_NOT_SUPPORTED;
  return r;
}

// Mailbox where there is one, so that presenting waits for nothing.
static int32_t pick_mode(VkPhysicalDevice p, VkSurfaceKHR s, qvk_surface_info *out) {
  VkPresentModeKHR list[16];
  uint32_t count = 16;
  VkResult r = table.modes(p, s, &count, list);
  if (r != VK_SUCCESS && r != VK_INCOMPLETE) return r;
  out->mode = VK_PRESENT_MODE_FIFO_KHR;
  for (uint32_t i = 0; i < count; i++)
    if (list[i] == VK_PRESENT_MODE_MAILBOX_KHR) out->mode = list[i];
  return VK_SUCCESS;
}

int32_t qvk_surface_of(uint64_t physical, uint64_t surface, qvk_surface_info *out) {
  VkPhysicalDevice p = QVK_HANDLE(VkPhysicalDevice, physical);
  VkSurfaceKHR s = QVK_HANDLE(VkSurfaceKHR, surface);
  VkSurfaceCapabilitiesKHR caps;
  memset(&caps, 0, sizeof caps);
  VkResult r = table.capabilities(p, s, &caps);
  if (r != VK_SUCCESS) return r;
  out->width = caps.currentExtent.width;
  out->height = caps.currentExtent.height;
  out->least_width = caps.minImageExtent.width;
  out->least_height = caps.minImageExtent.height;
  out->most_width = caps.maxImageExtent.width;
  out->most_height = caps.maxImageExtent.height;
  out->images = caps.minImageCount + 1;
  if (caps.maxImageCount && out->images > caps.maxImageCount) out->images = caps.maxImageCount;
  out->transform = caps.currentTransform;
  out->alpha = caps.supportedCompositeAlpha & VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR
                   ? VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR
                   : caps.supportedCompositeAlpha & -caps.supportedCompositeAlpha;
  if (!(caps.supportedUsageFlags & VK_IMAGE_USAGE_TRANSFER_DST_BIT))
    return VK_ERROR_FORMAT_NOT_SUPPORTED;
  r = pick_format(p, s, out);
  return r == VK_SUCCESS ? pick_mode(p, s, out) : r;
}

int32_t qvk_create_swapchain(uint64_t device, uint64_t surface, const qvk_surface_info *info,
                             uint32_t width, uint32_t height, uint64_t old, uint64_t *out) {
  VkSwapchainCreateInfoKHR create = {.sType = VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR,
                                     .surface = QVK_HANDLE(VkSurfaceKHR, surface),
                                     .minImageCount = info->images,
                                     .imageFormat = info->format,
                                     .imageColorSpace = VK_COLOR_SPACE_SRGB_NONLINEAR_KHR,
                                     .imageExtent = {width, height},
                                     .imageArrayLayers = 1,
                                     .imageUsage = VK_IMAGE_USAGE_TRANSFER_DST_BIT,
                                     .imageSharingMode = VK_SHARING_MODE_EXCLUSIVE,
                                     .preTransform = info->transform,
                                     .compositeAlpha = info->alpha,
                                     .presentMode = info->mode,
                                     .clipped = VK_TRUE,
                                     .oldSwapchain = QVK_HANDLE(VkSwapchainKHR, old)};
  VkSwapchainKHR made = VK_NULL_HANDLE;
  VkResult r = table.create(QVK_HANDLE(VkDevice, device), &create, NULL, &made);
  *out = (uint64_t)(uintptr_t)made;
  return r;
}

int32_t qvk_swapchain_images(uint64_t device, uint64_t swapchain, uint32_t *count, uint64_t *out) {
  VkImage images[QVK_MOST_IMAGES];
  VkResult r = table.images(QVK_HANDLE(VkDevice, device), QVK_HANDLE(VkSwapchainKHR, swapchain),
                            count, images);
  for (uint32_t i = 0; i < *count && r == VK_SUCCESS; i++) out[i] = (uint64_t)(uintptr_t)images[i];
  return r;
}

int32_t qvk_acquire(uint64_t device, uint64_t swapchain, uint64_t timeout, uint64_t semaphore,
                    uint32_t *index) {
  return table.acquire(QVK_HANDLE(VkDevice, device), QVK_HANDLE(VkSwapchainKHR, swapchain), timeout,
                       QVK_HANDLE(VkSemaphore, semaphore), VK_NULL_HANDLE, index);
}

static void to_layout(VkCommandBuffer commands, VkImage image, VkImageLayout from, VkImageLayout to,
                      VkAccessFlags before, VkAccessFlags after, VkPipelineStageFlags next) {
  VkImageMemoryBarrier b = {.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER,
                            .srcAccessMask = before,
                            .dstAccessMask = after,
                            .oldLayout = from,
                            .newLayout = to,
                            .srcQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
                            .dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED,
                            .image = image,
                            .subresourceRange = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, 1}};
  qvk_vk.barrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, next, 0, 0, NULL, 0, NULL, 1, &b);
}

// Rows of the buffer follow each other without a gap.
void qvk_copy_to_image(uint64_t commands, uint64_t buffer, uint64_t image, uint32_t width,
                       uint32_t height) {
  VkCommandBuffer c = QVK_HANDLE(VkCommandBuffer, commands);
  VkImage i = QVK_HANDLE(VkImage, image);
  VkBufferImageCopy region = {.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
                              .imageExtent = {width, height, 1}};
  to_layout(c, i, VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 0,
            VK_ACCESS_TRANSFER_WRITE_BIT, VK_PIPELINE_STAGE_TRANSFER_BIT);
  table.copy(c, QVK_HANDLE(VkBuffer, buffer), i, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &region);
  to_layout(c, i, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, VK_IMAGE_LAYOUT_PRESENT_SRC_KHR,
            VK_ACCESS_TRANSFER_WRITE_BIT, 0, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT);
}

int32_t qvk_submit_frame(uint64_t queue, uint64_t commands, uint64_t wait, uint64_t signal,
                         uint64_t fence) {
  VkCommandBuffer buffer = QVK_HANDLE(VkCommandBuffer, commands);
  VkSemaphore before = QVK_HANDLE(VkSemaphore, wait), after = QVK_HANDLE(VkSemaphore, signal);
  VkPipelineStageFlags stage = VK_PIPELINE_STAGE_TRANSFER_BIT;
  VkSubmitInfo info = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                       .waitSemaphoreCount = 1,
                       .pWaitSemaphores = &before,
                       .pWaitDstStageMask = &stage,
                       .commandBufferCount = 1,
                       .pCommandBuffers = &buffer,
                       .signalSemaphoreCount = 1,
                       .pSignalSemaphores = &after};
  return qvk_vk.submit(QVK_HANDLE(VkQueue, queue), 1, &info, QVK_HANDLE(VkFence, fence));
}

int32_t qvk_present(uint64_t queue, uint64_t swapchain, uint64_t wait, uint32_t index) {
  VkSemaphore before = QVK_HANDLE(VkSemaphore, wait);
  VkSwapchainKHR chain = QVK_HANDLE(VkSwapchainKHR, swapchain);
  VkPresentInfoKHR info = {.sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR,
                           .waitSemaphoreCount = 1,
                           .pWaitSemaphores = &before,
                           .swapchainCount = 1,
                           .pSwapchains = &chain,
                           .pImageIndices = &index};
  return table.present(QVK_HANDLE(VkQueue, queue), &info);
}

void qvk_destroy_swapchain(uint64_t device, uint64_t swapchain) {
  table.destroy(QVK_HANDLE(VkDevice, device), QVK_HANDLE(VkSwapchainKHR, swapchain), NULL);
}

void qvk_destroy_surface(uint64_t instance, uint64_t surface) {
  table.destroy_surface(QVK_HANDLE(VkInstance, instance), QVK_HANDLE(VkSurfaceKHR, surface), NULL);
}
