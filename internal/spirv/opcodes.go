package spirv

// Opcodes that the code names. Numbers and names are those of the SPIR-V
// specification, section 3.
const (
	opName                  Op = 5
	opMemberName            Op = 6
	opExtension             Op = 10
	opExtInstImport         Op = 11
	opExtInst               Op = 12
	opEntryPoint            Op = 15
	opExecutionMode         Op = 16
	opCapability            Op = 17
	opTypeBool              Op = 20
	opTypeInt               Op = 21
	opTypeFloat             Op = 22
	opTypeVector            Op = 23
	opTypeArray             Op = 28
	opTypeStruct            Op = 30
	opTypePointer           Op = 32
	opConstantTrue          Op = 41
	opConstantFalse         Op = 42
	opConstant              Op = 43
	opConstantComposite     Op = 44
	opSpecConstantTrue      Op = 48
	opSpecConstantFalse     Op = 49
	opSpecConstant          Op = 50
	opSpecConstantComposite Op = 51
	opSpecConstantOp        Op = 52
	opFunction              Op = 54
	opFunctionEnd           Op = 56
	opFunctionCall          Op = 57
	opVariable              Op = 59
	opStore                 Op = 62
	opDecorate              Op = 71
	opMemberDecorate        Op = 72
	opCompositeExtract      Op = 81
	opAtomicStore           Op = 228
	opPhi                   Op = 245
	opLoopMerge             Op = 246
	opSelectionMerge        Op = 247
	opLabel                 Op = 248
	opBranch                Op = 249
	opBranchConditional     Op = 250
	opSwitch                Op = 251
	opUnreachable           Op = 255
	opExecutionModeID       Op = 331
)

// Enumerants of operands.
const (
	modelGLCompute  = 5
	modeLocalSize   = 17
	modeLocalSizeID = 38

	classInput         = 1
	classWorkgroup     = 4
	classPrivate       = 6
	classFunction      = 7
	classPushConstant  = 9
	classStorageBuffer = 12

	decorationSpecID        = 1
	decorationBlock         = 2
	decorationArrayStride   = 6
	decorationBuiltIn       = 11
	decorationRestrict      = 19
	decorationAliased       = 20
	decorationVolatile      = 21
	decorationCoherent      = 23
	decorationNonWritable   = 24
	decorationNonReadable   = 25
	decorationBinding       = 33
	decorationDescriptorSet = 34
	decorationOffset        = 35
	decorationNoContraction = 42

	builtInWorkgroupSize = 25
)

// decorationTakesLiteral holds the decorations whose value the code reads.
var decorationTakesLiteral = map[uint32]bool{
	decorationSpecID: true, decorationBuiltIn: true, decorationBinding: true,
	decorationDescriptorSet: true, decorationOffset: true,
}

// shape says which ids lead the operands.
type shape uint8

const (
	plain  shape = iota // neither type nor result
	result              // a result
	typed               // a type and a result
)

// opInfo is what the package knows of an opcode.
type opInfo struct {
	name  string
	shape shape
	least int // operands that the code reads behind type and result
}

// words is the least length of the instruction, the first word included.
func (i opInfo) words() int { return 1 + int(i.shape) + i.least }
