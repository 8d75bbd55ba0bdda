package vk

import (
	"testing"

	"github.com/stretchr/testify/require"
	vulkan "github.com/vulkan-go/vulkan"
)

func TestPickType(t *testing.T) {
	const lazy = vulkan.MemoryPropertyLazilyAllocatedBit
	type types = []vulkan.MemoryPropertyFlagBits
	discrete := types{local, visible | coherent, visible | coherent | cached, local | visible | coherent}
	tests := []struct {
		name    string
		types   types
		allowed uint32
		want    [memoryKinds]int // -1: none
	}{
		{"discrete", discrete, 0xf, [3]int{0, 1, 2}},
		{"discrete, host types listed first", types{visible | coherent, local | visible | coherent, local, visible | coherent | cached},
			0xf, [3]int{2, 0, 3}},
		{"discrete, buffer not in plain host memory", discrete, 0xd, [3]int{0, 2, 2}},
		{"integrated", types{local | visible | coherent, local | visible | coherent | cached}, 0x3, [3]int{0, 0, 1}},
		{"software", types{local | visible | coherent | cached}, 0x1, [3]int{0, 0, 0}},
		{"mobile with incoherent cache", types{local | visible | coherent, local | visible | cached, local | lazy},
			0x7, [3]int{0, 0, 0}},
		{"lazy memory only", types{local | lazy}, 0x1, [3]int{-1, -1, -1}},
		{"device memory only", types{local}, 0x1, [3]int{0, -1, -1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var list []memoryType
			for _, flags := range test.types {
				list = append(list, memoryType{flags: flags})
			}
			for m, want := range test.want {
				got, err := pickType(list, test.allowed, Memory(m))
				if want < 0 {
					require.Error(t, err, Memory(m))
					continue
				}
				require.NoError(t, err, Memory(m))
				require.Equal(t, uint32(want), got, Memory(m))
			}
		})
	}
	_, err := pickType(nil, 1, Upload)
	require.EqualError(t, err, "vk: no upload memory type among 0x1 of 0")
}
