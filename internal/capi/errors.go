package capi

import (
	"errors"

	"github.com/qaqvk/qaqvk/backend"
	"github.com/qaqvk/qaqvk/backend/device"
	"github.com/qaqvk/qaqvk/backend/profile"
	"github.com/qaqvk/qaqvk/internal/profiles"
	"github.com/qaqvk/qaqvk/vk"
)

// Error is an error of the C interface.
type Error struct {
	Code int32
	Name string // in the header, behind QAQVK_ERROR_
	Is   error  // nil: what the code stands for is no value (failed, ARITHMETIC, MISMATCH, VULKAN)
}

// Codes that stand for no value.
const (
	failed     = -5
	arithmetic = -55
	mismatch   = -56
	vulkan     = -57
)

// Errors are those of the interface. Of an error that is several, the first one here is
// its code.
var Errors = []Error{
	{-1, "ARGUMENT", ErrArgument}, {-2, "HANDLE", ErrHandle}, {-3, "IN_USE", ErrInUse}, {-4, "INTERNAL", ErrInternal},
	{-11, "CAPACITY", backend.ErrCapacity}, {-12, "DEFERRED", backend.ErrDeferred},
	{-13, "SEQUENCES", backend.ErrSequences}, {-14, "UNKNOWN_SEQUENCE", backend.ErrUnknownSequence},
	{-15, "UNFINISHED_STEP", backend.ErrUnfinishedStep}, {-16, "ROLLBACK", backend.ErrRollback},
	{-23, "HOST_ROWS", backend.ErrHostRows}, {-22, "RECORDED", backend.ErrRecorded},
	{-17, "SHAPE", backend.ErrShape}, {-18, "RANGE", backend.ErrRange}, {-19, "QUERIES", backend.ErrQueries},
	{-20, "HOST_BUDGET", backend.ErrHostBudget}, {-21, "BUDGET", backend.ErrBudget}, {-24, "CLOSED", backend.ErrClosed},
	{-40, "UNSUPPORTED", device.ErrUnsupported}, {-41, "NO_LOADER", vk.ErrNoLoader}, {-42, "OTHER_LOADER", vk.ErrOtherLoader},
	{-43, "NO_DRIVER", vk.ErrNoDriver}, {-44, "NO_COMPUTE", vk.ErrNoCompute}, {-45, "UNKNOWN_DEVICE", vk.ErrUnknownDevice},
	{-46, "NO_VALIDATION", vk.ErrNoValidation}, {-47, "DEVICE_MEMORY", vk.ErrOutOfDeviceMemory},
	{-48, "HOST_MEMORY", vk.ErrOutOfHostMemory}, {-49, "DEVICE_LOST", vk.ErrDeviceLost}, {-51, "MEMORY_LIMIT", vk.ErrMemoryLimit},
	{-50, "LIMIT", vk.ErrLimit}, {-52, "NO_TIMESTAMPS", vk.ErrNoTimestamps}, {-53, "COMPILE_ONLY", vk.ErrCompileOnly},
	{-54, "NO_STATISTICS", vk.ErrNoStatistics}, {-24, "CLOSED", vk.ErrClosed},
	{arithmetic, "ARITHMETIC", nil}, {mismatch, "MISMATCH", nil},
	{-70, "PROFILE_FORMAT", profile.ErrFormat}, {-71, "PROFILE_VERSION", profile.ErrVersion},
	{-72, "PROFILE_MODEL", profile.ErrModel}, {-73, "PROFILE_BITS", profile.ErrBits}, {-74, "PROFILE_SHAPE", profile.ErrShape},
	{-75, "PROFILE_UNKNOWN", profiles.ErrUnknown},
	{-10, "CONFIG", backend.ErrConfig}, // after what says more of a configuration
	{vulkan, "VULKAN", nil}, {failed, "FAILED", nil},
}

// CodesOf are the codes of an error, the first one the one to return, and the VkResult
// behind it, 0: there is none.
func CodesOf(err error) (codes []int32, vkResult int32) {
	var result *vk.ResultError
	if errors.As(err, &result) {
		vkResult = result.Result
	}
	for _, e := range Errors {
		if e.Is != nil && errors.Is(err, e.Is) || isType(err, e.Code) {
			codes = append(codes, e.Code)
		}
	}
	if len(codes) > 0 {
		return codes, vkResult
	}
	if result != nil {
		return []int32{vulkan}, vkResult
	}
	return []int32{failed}, 0
}

// isType tells whether an error is of the type that a code stands for.
func isType(err error, code int32) bool {
	switch code {
	case arithmetic:
		return errors.As(err, new(*vk.ProbeError))
	case mismatch:
		return errors.As(err, new(*device.MismatchError))
	}
	return false
}
