package vk

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unsafe"

	vulkan "github.com/vulkan-go/vulkan"
)

// cacheMagic opens a pipeline cache file; the SHA-256 of the rest follows,
// since drivers trust what they are given.
const cacheMagic = "QAQVKPC1"

// pipelineCache is the driver's, and the file that keeps it between runs.
type pipelineCache struct {
	handle  vulkan.PipelineCache
	file    string // "": none
	changed bool   // the file lacks a pipeline
}

// loadPipelineCache makes the pipeline cache, from the file if that is ours, whole and
// of this very device and driver; otherwise the file counts as absent.
func (d *Device) loadPipelineCache(file string) error {
	var data []byte
	if file != "" {
		content, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("vk: pipeline cache: %w", err)
		}
		data = cachePayload(content, d.physical)
	}
	d.cache.file = file
	d.cache.changed = file != "" && data == nil
	info := vulkan.PipelineCacheCreateInfo{SType: vulkan.StructureTypePipelineCacheCreateInfo}
	if len(data) > 0 {
		defer pin(data)()
		info.InitialDataSize = uint(len(data))
		info.PInitialData = unsafe.Pointer(unsafe.SliceData(data))
	}
	defer info.Free()
	var err error
	d.cache.handle, err = create(&d.calls, PipelineCaches, "vkCreatePipelineCache", "", func(h *vulkan.PipelineCache) vulkan.Result {
		return vulkan.CreatePipelineCache(d.device, &info, nil, h)
	})
	return err
}

// cachePayload is the driver's data in a cache file, nil if the file is
// corrupt or of another device.
func cachePayload(content []byte, p *physical) []byte {
	const head = len(cacheMagic) + sha256.Size
	if len(content) < head+32 || string(content[:len(cacheMagic)]) != cacheMagic {
		return nil
	}
	data := content[head:]
	if sum := sha256.Sum256(data); !bytes.Equal(sum[:], content[len(cacheMagic):head]) {
		return nil
	}
	if !ownCache(data, p) {
		return nil
	}
	return data
}

// ownCache compares the header that Vulkan defines with the device.
func ownCache(data []byte, p *physical) bool {
	word := func(i int) uint32 { return binary.LittleEndian.Uint32(data[4*i:]) }
	return len(data) >= 32 && word(0) >= 32 && word(1) == 1 && word(2) == p.info.VendorID &&
		word(3) == p.info.DeviceID && bytes.Equal(data[16:32], p.cacheUUID[:])
}

// savePipelineCache writes the cache file if a pipeline was added, by way of a
// temporary file beside it, so that a reader sees the old or the new one.
func (d *Device) savePipelineCache() error {
	if d.cache.file == "" || !d.cache.changed || d.lost.Load() || d.cache.handle == vulkan.NullPipelineCache {
		return nil
	}
	data, err := d.cacheData()
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	content := append(append([]byte(cacheMagic), sum[:]...), data...)
	if err := writeAtomically(d.cache.file, content); err != nil {
		return fmt.Errorf("vk: pipeline cache: %w", err)
	}
	return nil
}

func (d *Device) cacheData() ([]byte, error) {
	var size uint
	err := d.do("vkGetPipelineCacheData", "", func() vulkan.Result {
		return vulkan.GetPipelineCacheData(d.device, d.cache.handle, &size, nil)
	})
	if err != nil || size == 0 {
		return nil, err
	}
	data := make([]byte, size)
	err = d.do("vkGetPipelineCacheData", amount(uint64(size)), func() vulkan.Result {
		return vulkan.GetPipelineCacheData(d.device, d.cache.handle, &size, unsafe.Pointer(unsafe.SliceData(data)))
	})
	return data[:size], err
}

func (d *Device) destroyPipelineCache() {
	if d.cache.handle == vulkan.NullPipelineCache {
		return
	}
	vulkan.DestroyPipelineCache(d.device, d.cache.handle, nil)
	d.cache.handle = vulkan.NullPipelineCache
	d.count(PipelineCaches, -1)
}

// writeAtomically replaces a file as a whole and makes its folder if needed.
func writeAtomically(file string, content []byte) (err error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".pipelines-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
