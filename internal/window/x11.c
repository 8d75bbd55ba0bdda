//go:build glfw && linux && !wayland

#include "x11.h"
#include <X11/Xlib.h>
#define VK_USE_PLATFORM_XLIB_KHR
#define VK_NO_PROTOTYPES
#include <stddef.h>
#include <vulkan/vulkan.h>

static int lost;

// Tells whether there is a display.
int qw_opens(void) {
  Display *display = XOpenDisplay(NULL);
  if (display) XCloseDisplay(display);
  return display != NULL;
}

int qw_lost(void) { return __atomic_load_n(&lost, __ATOMIC_RELAXED); }

static int on_io_error(Display *display) {
  (void)display;
  __atomic_store_n(&lost, 1, __ATOMIC_RELAXED);
  return 0;
}

static void no_exit(Display *display, void *data) {
  (void)display;
  (void)data;
}

static int on_error(Display *display, XErrorEvent *event) {
  (void)display;
  (void)event;
  return 0;
}

// Xlib's own handlers end the process.
void qw_watch(void *display) {
  __atomic_store_n(&lost, 0, __ATOMIC_RELAXED);
  XSetErrorHandler(on_error);
  XSetIOErrorHandler(on_io_error);
  XSetIOErrorExitHandler(display, no_exit, NULL);
}

int qw_presents(void *entry, uintptr_t instance, uintptr_t device, uint32_t family, void *display) {
  PFN_vkGetPhysicalDeviceXlibPresentationSupportKHR ask =
      (PFN_vkGetPhysicalDeviceXlibPresentationSupportKHR)((PFN_vkGetInstanceProcAddr)entry)(
          (VkInstance)instance, "vkGetPhysicalDeviceXlibPresentationSupportKHR");
  Display *d = display;
  VisualID visual = XVisualIDFromVisual(DefaultVisual(d, DefaultScreen(d)));
  return ask && ask((VkPhysicalDevice)device, family, d, visual);
}

int32_t qw_surface(void *entry, uintptr_t instance, void *display, uintptr_t window,
                   uint64_t *surface) {
  VkInstance i = (VkInstance)instance;
  PFN_vkCreateXlibSurfaceKHR create = (PFN_vkCreateXlibSurfaceKHR)((PFN_vkGetInstanceProcAddr)entry)(
      i, "vkCreateXlibSurfaceKHR");
  VkXlibSurfaceCreateInfoKHR info = {.sType = VK_STRUCTURE_TYPE_XLIB_SURFACE_CREATE_INFO_KHR,
                                     .dpy = display,
                                     .window = window};
  VkSurfaceKHR made = VK_NULL_HANDLE;
  if (!create) return VK_ERROR_EXTENSION_NOT_PRESENT;
  VkResult r = create(i, &info, NULL, &made);
  *surface = (uint64_t)(uintptr_t)made;
  return r;
}
