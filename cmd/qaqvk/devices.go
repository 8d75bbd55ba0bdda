package main

import (
	"github.com/spf13/cobra"

	"github.com/qaqvk/qaqvk/internal/report"
	"github.com/qaqvk/qaqvk/vk"
)

func newDevices() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "devices",
		Short: "List the Vulkan devices",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			infos, err := vk.Devices()
			if err != nil {
				return err
			}
			if asJSON {
				return report.Print(c.OutOrStdout(), infos)
			}
			rows := make([]report.Device, len(infos))
			for i, d := range infos {
				rows[i] = report.Device{
					Index: d.Index, Name: d.Name, Type: d.Type, Driver: d.Driver + " " + d.DriverInfo,
					API: d.APIVersion, Subgroup: d.SubgroupSize, MemoryBytes: d.MemoryBytes, Compute: d.Compute,
				}
			}
			return report.WriteDevices(c.OutOrStdout(), rows)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON with all limits and features")
	return c
}
