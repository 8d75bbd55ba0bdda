//! Objects of wgpu that are lent to qaqvk. wgpu has no word of the loans: its objects stay while
//! they last, and wgpu and qaqvk use the queue in turn, in one thread, since wgpu keeps its lock of
//! the queue to itself.
use crate::qaqvk::*;
use crate::{LAYERS, Result, STEP};
use ash::vk::{self, Handle as _};
use std::ptr::null;
use wgpu::hal::api::Vulkan as Api;

/// Lends a device of wgpu: Vulkan 1.1 or newer, with whatever features wgpu enabled.
pub fn lend(gpu: &wgpu::Device) -> Result<Handle> {
    // SAFETY: nothing of what wgpu gives out is destroyed here.
    let hal = unsafe { gpu.as_hal::<Api>() }.ok_or("wgpu's device is not one of Vulkan")?;
    let instance = hal.shared_instance();
    let physical = hal.raw_physical_device();
    let mut extensions: Vec<_> =
        hal.enabled_device_extensions().iter().map(|name| name.as_ptr()).collect();
    // SAFETY: as above.
    let properties = unsafe { instance.raw_instance().get_physical_device_properties(physical) };
    if properties.api_version >= vk::API_VERSION_1_2 {
        extensions.push(ash::khr::shader_float_controls::NAME.as_ptr()); // a part of Vulkan 1.2
    }
    let vulkan = Vulkan {
        queue_family: hal.queue_family_index(),
        instance: instance.raw_instance().handle().as_raw() as _,
        physical_device: physical.as_raw() as _,
        device: hal.raw_device().handle().as_raw() as _,
        queue: hal.raw_queue().as_raw() as _,
        get_instance_proc_addr: instance.entry().static_fn().get_instance_proc_addr as _,
        enabled_extension_count: extensions.len() as u32,
        enabled_extensions: extensions.as_ptr(),
        ..Default::default()
    };
    // SAFETY: what vulkan points to lives through the call.
    Handle::new(qaqvk_device_close, |h| unsafe { qaqvk_device_adopt(&vulkan, null(), h) })
}

/// The command buffer behind an encoder of wgpu, for qaqvk to record into.
pub fn commands(hal: Option<&mut wgpu::hal::vulkan::CommandEncoder>) -> Result<*mut CommandBuffer> {
    // SAFETY: wgpu ends and submits it.
    Ok(unsafe { hal.ok_or("wgpu's encoder is not one of Vulkan")?.raw_handle() }.as_raw() as _)
}

/// A buffer of wgpu that qaqvk reads or writes: f32 rows of a step, [LAYERS][STEP][width].
pub struct Rows {
    imported: Handle, // dropped before the buffer
    pub buffer: wgpu::Buffer,
    width: usize,
}

impl Rows {
    pub fn new(gpu: &wgpu::Device, lent: &Handle, width: usize) -> Result<Self> {
        let size = (LAYERS * STEP * width * 4) as u64;
        let usage = wgpu::BufferUsages::STORAGE
            | wgpu::BufferUsages::COPY_SRC
            | wgpu::BufferUsages::COPY_DST;
        let buffer = make_buffer(gpu, size, usage);
        // SAFETY: the buffer stays until it is released.
        let imported = unsafe {
            let hal = buffer.as_hal::<Api>().ok_or("wgpu's buffer is not one of Vulkan")?;
            let raw = hal.raw_handle().as_raw();
            Handle::new(qaqvk_buffer_release, |h| qaqvk_buffer_import(lent.id, raw, size, h))?
        };
        Ok(Rows { imported, buffer, width })
    }

    /// Those of a layer.
    pub fn of(&self, layer: usize, tokens: usize) -> RowsView {
        RowsView {
            type_: F32,
            buffer: self.imported.id,
            offset: (layer * STEP * self.width * 4) as u64,
            size: (tokens * self.width * 4) as u64,
            ..Default::default()
        }
    }
}

pub fn make_buffer(gpu: &wgpu::Device, size: u64, usage: wgpu::BufferUsages) -> wgpu::Buffer {
    let (label, mapped_at_creation) = (None, false);
    gpu.create_buffer(&wgpu::BufferDescriptor { label, size, usage, mapped_at_creation })
}
