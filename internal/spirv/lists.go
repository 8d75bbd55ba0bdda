package spirv

// allowedCapabilities are those of the kernels and their optional variants.
var allowedCapabilities = map[uint32]bool{
	1:    true, // Shader
	61:   true, // GroupNonUniform
	62:   true, // GroupNonUniformVote
	63:   true, // GroupNonUniformArithmetic
	64:   true, // GroupNonUniformBallot
	65:   true, // GroupNonUniformShuffle
	4433: true, // StorageBuffer16BitAccess
	4448: true, // StorageBuffer8BitAccess
}

// allowedExtensions are extensions and imported instruction sets.
var allowedExtensions = map[string]bool{
	"GLSL.std.450":          true,
	"SPV_KHR_16bit_storage": true,
	"SPV_KHR_8bit_storage":  true,
}

// allowedDecorations leaves out what loosens arithmetic, above all
// RelaxedPrecision.
var allowedDecorations = map[uint32]bool{
	decorationSpecID: true, decorationBlock: true, decorationArrayStride: true,
	decorationBuiltIn: true, decorationRestrict: true, decorationAliased: true,
	decorationVolatile: true, decorationCoherent: true,
	decorationNonWritable: true, decorationNonReadable: true,
	decorationBinding: true, decorationDescriptorSet: true,
	decorationOffset: true, decorationNoContraction: true,
}

// integerExtInsts are the instructions of GLSL.std.450 on integers.
var integerExtInsts = map[uint32]bool{
	5:  true, // SAbs
	7:  true, // SSign
	38: true, // UMin
	39: true, // SMin
	41: true, // UMax
	42: true, // SMax
	44: true, // UClamp
	45: true, // SClamp
	73: true, // FindILsb
	74: true, // FindSMsb
	75: true, // FindUMsb
}

// floatExtInsts names the other instructions of GLSL.std.450 for findings.
var floatExtInsts = map[uint32]string{
	1: "Round", 2: "RoundEven", 3: "Trunc", 4: "FAbs",
	6: "FSign", 8: "Floor", 9: "Ceil", 10: "Fract",
	11: "Radians", 12: "Degrees", 13: "Sin", 14: "Cos",
	15: "Tan", 16: "Asin", 17: "Acos", 18: "Atan",
	19: "Sinh", 20: "Cosh", 21: "Tanh", 22: "Asinh",
	23: "Acosh", 24: "Atanh", 25: "Atan2", 26: "Pow",
	27: "Exp", 28: "Log", 29: "Exp2", 30: "Log2",
	31: "Sqrt", 32: "InverseSqrt", 33: "Determinant", 34: "MatrixInverse",
	35: "Modf", 36: "ModfStruct", 37: "FMin", 40: "FMax",
	43: "FClamp", 46: "FMix", 47: "IMix", 48: "Step",
	49: "SmoothStep", 50: "Fma", 51: "Frexp", 52: "FrexpStruct",
	53: "Ldexp", 54: "PackSnorm4x8", 55: "PackUnorm4x8", 56: "PackSnorm2x16",
	57: "PackUnorm2x16", 58: "PackHalf2x16", 59: "PackDouble2x32", 60: "UnpackSnorm2x16",
	61: "UnpackUnorm2x16", 62: "UnpackHalf2x16", 63: "UnpackSnorm4x8", 64: "UnpackUnorm4x8",
	65: "UnpackDouble2x32", 66: "Length", 67: "Distance", 68: "Cross",
	69: "Normalize", 70: "FaceForward", 71: "Reflect", 72: "Refract",
	76: "InterpolateAtCentroid", 77: "InterpolateAtSample", 78: "InterpolateAtOffset", 79: "NMin",
	80: "NMax", 81: "NClamp",
}
