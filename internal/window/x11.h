// What GLFW's binding leaves out: a display that goes away, and a surface whose handle
// is not in memory that may be freed.
#ifndef QW_X11_H
#define QW_X11_H
#include <stdint.h>

int qw_opens(void);
int qw_lost(void);
void qw_watch(void *display);
int qw_presents(void *entry, uintptr_t instance, uintptr_t device, uint32_t family, void *display);
int32_t qw_surface(void *entry, uintptr_t instance, void *display, uintptr_t window,
                   uint64_t *surface);
#endif
