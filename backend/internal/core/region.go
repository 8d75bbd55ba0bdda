package core

import "github.com/qaqvk/qaqvk/backend/device"

// JoinRegion appends a region, or lengthens the last one where it goes on.
func JoinRegion(list []device.Region, r device.Region) []device.Region {
	if n := len(list) - 1; n >= 0 && list[n].Src+list[n].Words == r.Src && list[n].Dst+list[n].Words == r.Dst {
		list[n].Words += r.Words
		return list
	}
	return append(list, r)
}
