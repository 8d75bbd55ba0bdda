package vk

import vulkan "github.com/vulkan-go/vulkan"

// Barrier says which earlier commands must be done, and their writes seen, by
// which later ones. Nothing is ordered without one, not even two dispatches of
// a recorder; it also covers what was submitted to the queue before.
type Barrier int

const (
	ComputeToCompute   Barrier = iota // dispatch, then dispatch
	ComputeToTransfer                 // dispatch, then Copy or Fill
	TransferToCompute                 // Copy or Fill, then dispatch
	TransferToTransfer                // Copy or Fill, then Copy or Fill
	ToHost                            // dispatch, Copy or Fill, then Bytes on the host
	Full                              // everything, then everything
	barrierKinds
)

var barrierNames = [barrierKinds]string{"compute to compute", "compute to transfer",
	"transfer to compute", "transfer to transfer", "to host", "full"}

// String names the kind.
func (b Barrier) String() string {
	if b < 0 || b >= barrierKinds {
		return "unknown barrier"
	}
	return barrierNames[b]
}

type barrierScopes struct {
	srcStages, dstStages vulkan.PipelineStageFlagBits
	srcAccess, dstAccess vulkan.AccessFlagBits
}

const (
	stageCompute  = vulkan.PipelineStageComputeShaderBit
	stageTransfer = vulkan.PipelineStageTransferBit
	stageHost     = vulkan.PipelineStageHostBit
	shaderWrite   = vulkan.AccessShaderWriteBit
	shaderAny     = vulkan.AccessShaderReadBit | vulkan.AccessShaderWriteBit
	transferWrite = vulkan.AccessTransferWriteBit
	transferAny   = vulkan.AccessTransferReadBit | vulkan.AccessTransferWriteBit
	hostRead      = vulkan.AccessHostReadBit
)

var scopes = [barrierKinds]barrierScopes{
	ComputeToCompute:   {stageCompute, stageCompute, shaderWrite, shaderAny},
	ComputeToTransfer:  {stageCompute, stageTransfer, shaderWrite, transferAny},
	TransferToCompute:  {stageTransfer, stageCompute, transferWrite, shaderAny},
	TransferToTransfer: {stageTransfer, stageTransfer, transferWrite, transferAny},
	ToHost:             {stageCompute | stageTransfer, stageHost, shaderWrite | transferWrite, hostRead},
	Full: {stageCompute | stageTransfer, stageCompute | stageTransfer | stageHost,
		shaderWrite | transferWrite, shaderAny | transferAny | hostRead},
}
