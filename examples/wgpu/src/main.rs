//! A runtime on wgpu lends its Vulkan device to qaqvk: a compute shader of wgpu writes keys, values
//! and queries to buffers of wgpu, attention is recorded into a command buffer of wgpu and writes
//! to another buffer, and only that one comes to the host, to be compared with attention in f64.
mod lend;
mod qaqvk;
mod reference;

use lend::{Rows, commands, lend, make_buffer};
use pollster::block_on;
use qaqvk::*;
use reference::{bound, farthest, larger};
use std::ffi::CStr;
use std::process::ExitCode;
use std::ptr::null;

// Sizes of the model, of the text, and of the largest step; those of rows.wgsl.
const LAYERS: usize = 2;
const KV_HEADS: usize = 2;
const QUERY_HEADS: usize = 4;
const DIM: usize = 64;
const TOKENS: usize = 200;
const STEP: usize = 32;
const KV: usize = KV_HEADS * DIM;
const Q: usize = QUERY_HEADS * DIM;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A text in a cache of its own. Fields are dropped in this order, a cache before its buffers.
struct Text<'a> {
    sequence: Handle,
    cache: Handle,
    rows: [Rows; 4], // k, v, q and out
    gpu: &'a wgpu::Device,
    queue: &'a wgpu::Queue,
    pipeline: wgpu::ComputePipeline, // of rows.wgsl
    first: wgpu::Buffer,             // its argument
    host: wgpu::Buffer,              // out once more, to be mapped
}

impl<'a> Text<'a> {
    fn new(
        gpu: &'a wgpu::Device,
        queue: &'a wgpu::Queue,
        lent: &Handle,
        policy: &CStr,
    ) -> Result<Self> {
        let config = CacheConfig {
            layers: LAYERS as u32,
            kv_heads: KV_HEADS as u32,
            query_heads: QUERY_HEADS as u32,
            head_dim: DIM as u32,
            capacity: TOKENS as u32,
            type_: F32,
            policy: policy.as_ptr(),
            key_bits: 8,
            value_bits: 8,
            ..Default::default()
        };
        // SAFETY: what config points to lives through the call.
        let cache =
            Handle::new(qaqvk_cache_close, |h| unsafe { qaqvk_cache_create(lent.id, &config, h) })?;
        let sequence =
            Handle::new(qaqvk_sequence_drop, |h| unsafe { qaqvk_sequence_create(cache.id, h) })?;
        let make = |width| Rows::new(gpu, lent, width);
        let rows = [make(KV)?, make(KV)?, make(Q)?, make(Q)?];
        let written = wgpu::BufferUsages::COPY_DST;
        let first = make_buffer(gpu, 4, wgpu::BufferUsages::UNIFORM | written);
        let size = rows[3].buffer.size();
        let host = make_buffer(gpu, size, wgpu::BufferUsages::MAP_READ | written);
        let pipeline = gpu.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: None,
            layout: None,
            module: &gpu.create_shader_module(wgpu::include_wgsl!("rows.wgsl")),
            entry_point: None,
            compilation_options: Default::default(),
            cache: None,
        });
        Ok(Text { sequence, cache, rows, gpu, queue, pipeline, first, host })
    }

    /// Commands of wgpu that write k, v and q. They clear out too: wgpu would do so in front of
    /// the first of its commands that reads out, since it does not know of qaqvk's.
    fn write(&self, first: usize, tokens: usize) -> wgpu::CommandBuffer {
        self.queue.write_buffer(&self.first, 0, &(first as u32).to_le_bytes());
        let [k, v, q, out] = &self.rows;
        let buffers = [&self.first, &k.buffer, &v.buffer, &q.buffer];
        let entries = [0, 1, 2, 3].map(|i: usize| wgpu::BindGroupEntry {
            binding: i as u32,
            resource: buffers[i].as_entire_binding(),
        });
        let layout = &self.pipeline.get_bind_group_layout(0);
        let arguments = wgpu::BindGroupDescriptor { label: None, layout, entries: &entries };
        let mut encoder = self.gpu.create_command_encoder(&Default::default());
        encoder.clear_buffer(&out.buffer, 0, None);
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.gpu.create_bind_group(&arguments), &[]);
        pass.dispatch_workgroups((Q / 64) as u32, tokens as u32, LAYERS as u32);
        drop(pass);
        encoder.finish()
    }

    /// Attention of all layers in a command buffer of wgpu. An encoder of wgpu 30 takes commands
    /// of one kind, its own or those of others. The barriers are qaqvk's.
    fn attend(&self, tokens: usize) -> Result<(wgpu::CommandBuffer, Handle)> {
        let mut encoder = self.gpu.create_command_encoder(&Default::default());
        // SAFETY: handles are open, rows live through the calls, and the buffers until the
        // submission has ended.
        let recording = unsafe {
            encoder.as_hal_mut::<wgpu::hal::api::Vulkan, _, _>(|hal| -> Result<Handle> {
                let commands = commands(hal)?;
                let recording = Handle::new(qaqvk_recording_discard, |h| {
                    qaqvk_recording_begin(self.cache.id, commands, h)
                })?;
                let (text, all) = (self.sequence.id, recording.id);
                for layer in 0..LAYERS {
                    let [k, v, q, out] = self.rows.each_ref().map(|x| x.of(layer, tokens));
                    check(qaqvk_append(text, layer as u32, &k, &v))?;
                    check(qaqvk_record_attend(all, text, layer as u32, &q, &out, null()))?;
                }
                Ok(recording)
            })
        }?;
        Ok((encoder.finish(), recording))
    }

    /// A step in one submission: rows, attention, and its results to the host, of which the
    /// largest error is returned.
    fn step(&self, first: usize, tokens: usize) -> Result<f64> {
        let written = self.write(first, tokens);
        let (attended, recording) = self.attend(tokens)?;
        let mut encoder = self.gpu.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(&self.rows[3].buffer, 0, &self.host, 0, None);
        self.queue.submit([written, attended, encoder.finish()]);
        self.host.map_async(wgpu::MapMode::Read, .., |mapped| mapped.expect("out is mapped"));
        self.gpu.poll(wgpu::PollType::wait_indefinitely())?;
        recording.end(qaqvk_recording_finish)?;
        // SAFETY: the handle is open.
        check(unsafe { qaqvk_step(self.sequence.id) })?;
        let error = farthest(&self.host.get_mapped_range(..)?, first, tokens);
        self.host.unmap();
        Ok(error)
    }
}

/// The largest error of a text of TOKENS tokens, of which half come in steps of STEP or less, the
/// others one by one.
fn decode(gpu: &wgpu::Device, queue: &wgpu::Queue, lent: &Handle, policy: &CStr) -> Result<f64> {
    let text = Text::new(gpu, queue, lent, policy)?;
    let (mut first, mut most) = (0, 0.0);
    while first < TOKENS {
        let tokens = STEP.min(TOKENS / 2 - first.min(TOKENS / 2)).max(1);
        most = larger(most, text.step(first, tokens)?);
        first += tokens;
    }
    Ok(most)
}

/// What there is to say, as an error where attention is too far away.
fn run() -> Result<String> {
    let mut wanted = wgpu::InstanceDescriptor::new_without_display_handle();
    (wanted.backends, wanted.flags) = (wgpu::Backends::VULKAN, wgpu::InstanceFlags::empty());
    let instance = wgpu::Instance::new(wanted);
    let adapter = block_on(wgpu::util::initialize_adapter_from_env_or_default(&instance, None))?;
    let required_limits = wgpu::Limits::downlevel_defaults();
    let wanted = wgpu::DeviceDescriptor { required_limits, ..Default::default() };
    let (gpu, queue) = block_on(adapter.request_device(&wanted))?;
    let lent = lend(&gpu)?;
    let plain = decode(&gpu, &queue, &lent, c"none")?;
    let coded = decode(&gpu, &queue, &lent, c"uniform")?;
    // A code of 8 bits is at most half of a 256th of a range away, and ranges are at most 1.
    let (plain_bound, coded_bound) = (bound(0.0), bound(1.0 / 512.0));
    let line = format!(
        "{}, lent by wgpu: attention to {TOKENS} tokens is off by at most {plain:.1e} (bound {plain_bound:.1e}), with rows in 8 bits {coded:.1e} ({coded_bound:.1e})",
        adapter.get_info().name
    );
    // Rows in 8 bits that are not off by more than rounding were not read from their codes.
    let right = plain <= plain_bound && coded <= coded_bound && coded > plain_bound;
    if right { Ok(line) } else { Err(line.into()) }
}

fn main() -> ExitCode {
    match run() {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("qaqvk-wgpu: {e}");
            ExitCode::FAILURE
        }
    }
}
