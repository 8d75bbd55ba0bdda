//! The part of include/qaqvk.h that this program uses, and handles that close themselves. The
//! tests of cmd/libqaqvk compare the declarations with the header.
use crate::Result;
use std::ffi::{CStr, c_char, c_void};

/// Structures in which zero is the default of every field, but for the first, their size.
macro_rules! structure {
    ($name:ident { $($($field:ident),+: $type:ty;)+ }) => {
        #[repr(C)]
        pub struct $name { $($(pub $field: $type,)+)+ }

        impl Default for $name {
            fn default() -> Self {
                // SAFETY: numbers and pointers may be zero.
                Self { struct_size: size_of::<Self>() as u32, ..unsafe { std::mem::zeroed() } }
            }
        }
    };
}

structure!(Vulkan {
    struct_size, queue_family: u32;
    instance, physical_device, device, queue: *mut c_void;
    get_instance_proc_addr: *const c_void;
    enabled_extension_count, reserved: u32;
    enabled_extensions: *const *const c_char;
    lock, unlock: *const c_void;
    queue_user: *mut c_void;
});

structure!(RowsView {
    struct_size, type_: u32;
    host: *mut c_void;
    buffer, offset, size: u64;
});

structure!(CacheConfig {
    struct_size, layers, kv_heads, query_heads, head_dim, capacity, sequences, type_, level: u32;
    adaptation: u32;
    adapt_every, max_submit_ms: i32;
    recent, queries, page_tokens, max_step_tokens: u32;
    outlier_fraction: f64;
    reserve, host_budget, bytes_budget: u64;
    layer_windows: *const u32;
    profile: u64;
    bits: f64;
    policy: *const c_char;
    key_error, value_error: f64;
    min_bits, max_bits, formula, key_bits, value_bits: u32;
    policy_tokens, policy_recent, policy_history, policy_recall, reserved: u32;
    query_norms: *const f64;
});

pub const F32: u32 = 2;
pub type CommandBuffer = c_void;

unsafe extern "C" {
    fn qaqvk_last_message() -> *const c_char;
    pub fn qaqvk_device_adopt(
        vulkan: *const Vulkan,
        options: *const c_void,
        device: *mut u64,
    ) -> i32;
    pub fn qaqvk_device_close(device: u64) -> i32;
    pub fn qaqvk_buffer_import(device: u64, vk_buffer: u64, size: u64, buffer: *mut u64) -> i32;
    pub fn qaqvk_buffer_release(buffer: u64) -> i32;
    pub fn qaqvk_cache_create(device: u64, config: *const CacheConfig, cache: *mut u64) -> i32;
    pub fn qaqvk_cache_close(cache: u64) -> i32;
    pub fn qaqvk_sequence_create(cache: u64, sequence: *mut u64) -> i32;
    pub fn qaqvk_sequence_drop(sequence: u64) -> i32;
    pub fn qaqvk_append(sequence: u64, layer: u32, k: *const RowsView, v: *const RowsView) -> i32;
    pub fn qaqvk_step(sequence: u64) -> i32;
    pub fn qaqvk_recording_begin(
        cache: u64,
        command_buffer: *mut CommandBuffer,
        recording: *mut u64,
    ) -> i32;
    pub fn qaqvk_record_attend(
        recording: u64,
        sequence: u64,
        layer: u32,
        q: *const RowsView,
        out: *const RowsView,
        options: *const c_void,
    ) -> i32;
    pub fn qaqvk_recording_finish(recording: u64) -> i32;
    pub fn qaqvk_recording_discard(recording: u64) -> i32;
}

/// What a function returned, or what it says of why it failed.
pub fn check(code: i32) -> Result<()> {
    match code {
        0 => Ok(()),
        // SAFETY: a string of this thread that stays until its next error.
        _ => Err(unsafe { CStr::from_ptr(qaqvk_last_message()) }.to_string_lossy().into()),
    }
}

pub type Close = unsafe extern "C" fn(u64) -> i32;

/// An object of the library, closed when dropped.
pub struct Handle {
    pub id: u64,
    close: Close,
}

impl Handle {
    pub fn new(close: Close, make: impl FnOnce(*mut u64) -> i32) -> Result<Self> {
        let mut id = 0;
        check(make(&mut id))?;
        Ok(Handle { id, close })
    }

    /// Closes it by another function than the one that dropping calls.
    pub fn end(self, by: Close) -> Result<()> {
        let handle = std::mem::ManuallyDrop::new(self);
        // SAFETY: as below.
        check(unsafe { by(handle.id) })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle is open, and of the kind that close takes.
        if let Err(e) = check(unsafe { (self.close)(self.id) }) {
            eprintln!("{e}");
        }
    }
}
