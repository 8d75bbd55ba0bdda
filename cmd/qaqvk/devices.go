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
			return report.WriteDevices(c.OutOrStdout(), infos)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON with all limits and features")
	return c
}
