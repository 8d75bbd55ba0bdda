package quant

// unsupported are the types of the format that cannot be expanded, and those
// that it no longer has.
var unsupported = map[Type]string{
	4: "Q4_2 (type 4, removed from the format)", 5: "Q4_3 (type 5, removed from the format)",
	9: "Q8_1", 10: "Q2_K", 11: "Q3_K", 13: "Q5_K", 15: "Q8_K",
	16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS",
	24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M",
	31: "Q4_0_4_4 (type 31, removed from the format)", 32: "Q4_0_4_8 (type 32, removed from the format)",
	33: "Q4_0_8_8 (type 33, removed from the format)", 34: "TQ1_0", 35: "TQ2_0",
	36: "IQ4_NL_4_4 (type 36, removed from the format)", 37: "IQ4_NL_4_8 (type 37, removed from the format)",
	38: "IQ4_NL_8_8 (type 38, removed from the format)", 39: "MXFP4", 40: "NVFP4",
}
