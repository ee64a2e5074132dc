//! The Polars door: the plugin interface (0, 1), which is a C one.
//!
//! Polars loads this library and looks up four symbols. Columns come as arrays of the Arrow C data
//! interface, in one or several chunks, and go back the same way; the layout of [`SeriesExport`] is that of
//! `polars-ffi` version 0, unchanged since 2024. Binding to it directly keeps the whole of Polars out of the
//! build (10 minutes 42 seconds cold on two cores, and 30 MB).
//!
//! The Python side casts every column to Float64 (times to Int64) and checks the options, so that users
//! meet comove's exceptions; what fails here reaches them as the text of a Polars `ComputeError`, which
//! begins with the error's code.

#![allow(unsafe_code)] // the interface is a C one; each block says why it is sound

use std::cell::RefCell;
use std::ffi::{CString, c_char, c_void};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::types::{ArrowPrimitiveType, Float64Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, FixedSizeListArray, Float64Array, Int64Array, PrimitiveArray, StructArray, UInt32Array,
    make_array,
};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder, NullBuffer, ScalarBuffer};
use arrow_data::ffi::FFI_ArrowArray;
use arrow_schema::ffi::FFI_ArrowSchema;
use arrow_schema::{DataType, Field, Fields};
use comove_core::task::{Output, Task};

use crate::options::Options;

/// A Polars series in C: its field, and one array a chunk.
#[repr(C)]
pub struct SeriesExport {
    field: *mut FFI_ArrowSchema,
    arrays: *mut *mut FFI_ArrowArray,
    len: usize,
    release: Option<unsafe extern "C" fn(*mut SeriesExport)>,
    private_data: *mut c_void,
}

impl Drop for SeriesExport {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: whoever made the export gave the function that releases it, and it runs once: it
            // clears `release`.
            unsafe { release(self) }
        }
    }
}

/// What an export made here owns.
struct Owned {
    _field: Box<FFI_ArrowSchema>,
    arrays: Box<[*mut FFI_ArrowArray]>,
}

unsafe extern "C" fn release(export: *mut SeriesExport) {
    // SAFETY: called by Polars with an export made by `SeriesExport::new`, once.
    unsafe {
        let export = &mut *export;
        let owned = Box::from_raw(export.private_data.cast::<Owned>());
        for &array in &owned.arrays {
            // Polars has moved the array out and releases it itself; only its box is left.
            drop(Box::from_raw(array.cast::<ManuallyDrop<FFI_ArrowArray>>()));
        }
        export.release = None;
    }
}

type Failure = String;

impl SeriesExport {
    fn new(field: &Field, array: &ArrayRef) -> Result<Self, Failure> {
        let schema = FFI_ArrowSchema::try_from(field).map_err(|error| error.to_string())?;
        let mut field = Box::new(schema);
        let array = Box::into_raw(Box::new(FFI_ArrowArray::new(&array.to_data())));
        let mut arrays = vec![array].into_boxed_slice();
        let (field_at, arrays_at) = (&raw mut *field, arrays.as_mut_ptr());
        let owned = Box::new(Owned { _field: field, arrays });
        Ok(Self {
            field: field_at,
            arrays: arrays_at,
            len: 1,
            release: Some(release),
            private_data: Box::into_raw(owned).cast(),
        })
    }

    /// The chunks, taken over from the export.
    fn chunks(&self) -> Result<(Field, Vec<ArrayRef>), Failure> {
        // SAFETY: Polars hands over a valid schema, and `len` pointers to valid arrays of that schema.
        // `from_raw` leaves an empty array in the place of the one it takes.
        unsafe {
            let schema = &*self.field;
            // All of them are taken over before anything can fail: nobody else releases them.
            let arrays: Vec<_> =
                (0..self.len).map(|i| FFI_ArrowArray::from_raw(*self.arrays.add(i))).collect();
            let field = Field::try_from(schema).map_err(|error| error.to_string())?;
            let chunks = arrays.into_iter().map(|array| {
                let data = arrow_array::ffi::from_ffi(array, schema);
                data.map(make_array).map_err(|error| error.to_string())
            });
            Ok((field, chunks.collect::<Result<_, _>>()?))
        }
    }
}

/// One column, its chunks joined; borrowed where there is but one and nothing is missing.
struct Column<T: ArrowPrimitiveType> {
    values: ScalarBuffer<T::Native>,
}

impl<T: ArrowPrimitiveType> Column<T> {
    /// `missing` gives what stands for a null in a row.
    fn new(
        chunks: &[ArrayRef],
        name: &str,
        missing: impl Fn(usize) -> Result<T::Native, Failure>,
    ) -> Result<Self, Failure> {
        let mut typed = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            let array = chunk.as_any().downcast_ref::<PrimitiveArray<T>>();
            typed.push(array.ok_or_else(|| {
                format!("[dtype] {name} must be {}, got {}", T::DATA_TYPE, chunk.data_type())
            })?);
        }
        if let [whole] = typed[..]
            && whole.null_count() == 0
        {
            return Ok(Self { values: whole.values().clone() });
        }
        let mut values = Vec::with_capacity(typed.iter().map(|chunk| Array::len(*chunk)).sum());
        for chunk in typed {
            if chunk.null_count() == 0 {
                values.extend_from_slice(chunk.values());
                continue;
            }
            for i in 0..chunk.len() {
                values.push(if chunk.is_null(i) { missing(values.len())? } else { chunk.value(i) });
            }
        }
        Ok(Self { values: values.into() })
    }

    /// A literal has one row, and stands for as many as the others have.
    fn broadcast(&mut self, rows: usize) {
        if let [value] = self.values[..] {
            self.values = vec![value; rows].into();
        }
    }
}

fn fields(task: &Task, options: &Options, name: &str) -> Field {
    let of = |output: &Output| match output {
        Output::Reading(name) => Field::new(*name, DataType::Float64, true),
        Output::Count(name) => Field::new(*name, DataType::UInt32, true),
        Output::Whole(name) => Field::new(*name, DataType::Int64, true),
        Output::Several(name, width) => Field::new(*name, several(*width), true),
        Output::LeaderBeta(j) => {
            let leader = options.leaders.as_ref().and_then(|names| names.get(*j));
            Field::new(format!("beta_{}", leader.map_or("", String::as_str)), DataType::Float64, true)
        }
    };
    let outputs = task.outputs();
    // Columns wanted by name are a struct, be it of one.
    if let [single @ (Output::Reading(_) | Output::Several(..))] = &outputs[..]
        && !matches!(task, Task::BaseColumns(_))
    {
        of(single).with_name(name)
    } else {
        let fields: Fields = outputs.iter().map(of).collect();
        Field::new(name, DataType::Struct(fields), true)
    }
}

/// So many float64 a row.
#[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)] // a few thousand at most
fn several(width: usize) -> DataType {
    DataType::FixedSizeList(number(), width as i32)
}

/// An element of several.
fn number() -> Arc<Field> {
    Arc::new(Field::new("item", DataType::Float64, true))
}

fn nulls(values: &[f64]) -> Option<NullBuffer> {
    let missing = values.iter().filter(|value| value.is_nan()).count();
    if missing == 0 {
        return None;
    }
    // Mostly those before the first full window: no need to look at every bit.
    let leading = values.iter().take_while(|value| value.is_nan()).count();
    let present = if leading == missing {
        let mut bits = BooleanBufferBuilder::new(values.len());
        bits.append_n(leading, false);
        bits.append_n(values.len() - leading, true);
        bits.finish()
    } else {
        BooleanBuffer::collect_bool(values.len(), |i| !values[i].is_nan())
    };
    Some(NullBuffer::new(present))
}

/// Zeroed memory for a column, in large pages where the system has them: without them a third of the time of a
/// regression goes into four thousand page faults a million rows. NumPy does the same.
fn column(rows: usize) -> Vec<f64> {
    let values = vec![0.0; rows];
    #[cfg(target_os = "linux")]
    {
        const LARGE: usize = 1 << 21;
        let bytes = values.as_ptr() as usize..values.as_ptr() as usize + size_of_val(&values[..]);
        let (first, last) = (bytes.start.next_multiple_of(LARGE), bytes.end / LARGE * LARGE);
        if first < last {
            // SAFETY: the range lies inside memory that `values` owns, and the advice changes no contents. Refusal
            // does no harm, so the result does not matter.
            unsafe { libc::madvise(first as *mut c_void, last - first, libc::MADV_HUGEPAGE) };
        }
    }
    values
}

fn reading(values: Vec<f64>) -> ArrayRef {
    let nulls = nulls(&values);
    Arc::new(Float64Array::new(values.into(), nulls))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // counts of rows
fn count(values: &[f64]) -> ArrayRef {
    let counts: Vec<u32> = values.iter().map(|&n| n as u32).collect();
    Arc::new(UInt32Array::new(counts.into(), nulls(values)))
}

#[allow(clippy::cast_possible_truncation)] // whole numbers
fn whole(values: &[f64]) -> ArrayRef {
    let whole: Vec<i64> = values.iter().map(|&value| value as i64).collect();
    Arc::new(Int64Array::new(whole.into(), nulls(values)))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)] // a few thousand at most
fn rows_of(values: Vec<f64>, width: usize) -> Result<ArrayRef, Failure> {
    let array = FixedSizeListArray::try_new(number(), width as i32, reading(values), None);
    array.map(|array| Arc::new(array) as ArrayRef).map_err(|error| error.to_string())
}

fn parse(kwargs: &[u8]) -> Result<(Options, Task), Failure> {
    let options: Options = serde_pickle::from_slice(kwargs, serde_pickle::DeOptions::default())
        .map_err(|error| format!("[options] {error}"))?;
    let task = options.task().map_err(told)?;
    Ok((options, task))
}

#[allow(clippy::needless_pass_by_value)] // the signature `map_err` wants
fn told(error: comove_core::Error) -> Failure {
    format!("[{}] {error}", error.code())
}

fn evaluate(inputs: &[SeriesExport], kwargs: &[u8]) -> Result<SeriesExport, Failure> {
    let taken: Vec<_> = inputs.iter().map(SeriesExport::chunks).collect();
    let columns = taken.into_iter().collect::<Result<Vec<_>, _>>()?;
    let (options, task) = parse(kwargs)?;
    let expected = task.inputs();
    if columns.len() < expected || columns.len() > expected + 1 {
        return Err(format!("[length] expected {expected} columns, got {}", columns.len()));
    }
    let (columns, times) = columns.split_at(expected);
    let name = columns.first().map_or("", |(field, _)| field.name()).to_owned();
    let mut series = columns
        .iter()
        .map(|(field, chunks)| Column::<Float64Type>::new(chunks, field.name(), |_| Ok(f64::NAN)))
        .collect::<Result<Vec<_>, _>>()?;
    // What the argument is called.
    let by = if matches!(task, Task::BaseColumns(_)) { "ts" } else { "by" };
    let times = times.first().map(|(field, chunks)| {
        Column::<Int64Type>::new(chunks, field.name(), |row| {
            Err(told(comove_core::Error::MissingTime { name: by, row }))
        })
    });
    let times = times.transpose()?;
    let rows = series.iter().map(|column| column.values.len()).filter(|&n| n != 1).max();
    let rows = rows.unwrap_or_else(|| times.as_ref().map_or(1, |times| times.values.len()));
    for column in &mut series {
        column.broadcast(rows);
    }
    let series: Vec<&[f64]> = series.iter().map(|column| &column.values[..]).collect();
    let times = times.as_ref().map_or(&[][..], |times| &times.values[..]);

    let outputs = task.outputs();
    let mut values: Vec<Vec<f64>> = outputs.iter().map(|output| column(rows * output.width())).collect();
    let mut slices: Vec<&mut [f64]> = values.iter_mut().map(Vec::as_mut_slice).collect();
    task.run(&series, times, &mut slices).map_err(told)?;

    let field = fields(&task, &options, &name);
    let mut arrays: Vec<ArrayRef> = values
        .into_iter()
        .zip(&outputs)
        .map(|(values, output)| match output {
            Output::Count(_) => Ok(count(&values)),
            Output::Whole(_) => Ok(whole(&values)),
            Output::Several(_, width) => rows_of(values, *width),
            _ => Ok(reading(values)),
        })
        .collect::<Result<_, _>>()?;
    let array: ArrayRef = match field.data_type() {
        DataType::Struct(fields) => Arc::new(
            StructArray::try_new_with_length(fields.clone(), arrays, None, rows)
                .map_err(|error| error.to_string())?,
        ),
        _ => arrays.remove(0),
    };
    SeriesExport::new(&field, &array)
}

thread_local! {
    static LAST_ERROR: RefCell<CString> = RefCell::default();
}

/// Keeps the text until Polars asks for it; `None` is a panic, for which Polars has its own words.
fn keep(error: Option<Failure>) {
    let text = error.map_or_else(|| "PANIC".to_owned(), |text| text.replace('\0', " "));
    LAST_ERROR.with(|last| *last.borrow_mut() = CString::new(text).unwrap_or_default());
}

fn guarded<T>(work: impl FnOnce() -> Result<T, Failure>) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => Some(done),
        Ok(Err(failure)) => {
            keep(Some(failure));
            None
        }
        Err(_) => {
            keep(None);
            None
        }
    }
}

/// # Safety
/// `pointer` and `length` are of a valid slice, or `length` is 0.
unsafe fn slice<'a, T>(pointer: *const T, length: usize) -> &'a [T] {
    if length == 0 {
        &[]
    } else {
        // SAFETY: promised by the caller.
        unsafe { std::slice::from_raw_parts(pointer, length) }
    }
}

/// The version of the interface: major in the upper half, minor in the lower.
#[unsafe(no_mangle)]
pub extern "C" fn _polars_plugin_get_version() -> u32 {
    1
}

/// Why the last call on this thread failed.
#[unsafe(no_mangle)]
pub extern "C" fn _polars_plugin_get_last_error_message() -> *const c_char {
    LAST_ERROR.with(|last| last.borrow().as_ptr())
}

/// # Safety
/// Called by Polars, with `input_len` exports to take over, pickled options, and a place for the result.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _polars_plugin_evaluate(
    inputs: *mut SeriesExport,
    input_len: usize,
    kwargs: *const u8,
    kwargs_len: usize,
    return_value: *mut SeriesExport,
    _context: *mut c_void,
) {
    // SAFETY: Polars forgets the exports after this call, so they are taken over here, whatever happens.
    let inputs: Vec<SeriesExport> =
        (0..input_len).map(|i| unsafe { std::ptr::read(inputs.add(i)) }).collect();
    // SAFETY: Polars gives a valid slice.
    let kwargs = unsafe { slice(kwargs, kwargs_len) };
    if let Some(result) = guarded(|| evaluate(&inputs, kwargs)) {
        // SAFETY: Polars gives a place that holds an empty export, which needs no drop.
        unsafe { std::ptr::write(return_value, result) }
    }
}

/// # Safety
/// Called by Polars, with `len` fields it keeps, a place for the resulting one, and pickled options.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _polars_plugin_field_evaluate(
    inputs: *const FFI_ArrowSchema,
    len: usize,
    return_value: *mut FFI_ArrowSchema,
    kwargs: *const u8,
    kwargs_len: usize,
) {
    // SAFETY: Polars gives valid slices.
    let (inputs, kwargs) = unsafe { (slice(inputs, len), slice(kwargs, kwargs_len)) };
    let field = guarded(|| {
        let (options, task) = parse(kwargs)?;
        let name = inputs.first().and_then(FFI_ArrowSchema::name).unwrap_or("");
        FFI_ArrowSchema::try_from(&fields(&task, &options, name)).map_err(|error| error.to_string())
    });
    if let Some(field) = field {
        // SAFETY: Polars gives a place that holds an empty schema, which needs no drop.
        unsafe { std::ptr::write(return_value, field) }
    }
}
