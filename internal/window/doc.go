// Package window shows a view in a window of the system, by GLFW and a swapchain of
// package vk. Only the command imports it. It is built with the tag glfw, which needs
// the headers of X11 (make build sets it where they are); without, Open says how to get
// a command with windows.
package window
