//! The Python module `comove._comove`: converts and calls, and computes nothing itself.

mod arrays;
mod errors;
mod live;
mod neighbours;
mod options;
mod plugin;
mod student;
mod ticks;

use pyo3::prelude::*;

#[pymodule]
fn _comove(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("build_profile", if cfg!(debug_assertions) { "debug" } else { "release" })?;
    module.add_function(wrap_pyfunction!(arrays::run, module)?)?;
    module.add_function(wrap_pyfunction!(arrays::lanes, module)?)?;
    module.add_function(wrap_pyfunction!(student::two_sided_student, module)?)?;
    module.add_function(wrap_pyfunction!(ticks::hayashi_yoshida, module)?)?;
    module.add_function(wrap_pyfunction!(neighbours::nearest_rows, module)?)?;
    module.add_function(wrap_pyfunction!(live::feed::feed_pairs, module)?)?;
    module.add_function(wrap_pyfunction!(live::feed::pass_over, module)?)?;
    module.add_class::<ticks::Ticks>()?;
    module.add_class::<live::pair::RollingPair>()?;
    module.add_class::<live::ewm::EwmPair>()?;
    module.add_class::<live::joint::JointPair>()?;
    module.add_class::<live::lags::LagScanner>()?;
    module.add_class::<live::feed::PairFeed>()?;
    module.add_class::<live::spillover::SpilloverMonitor>()?;
    module.add_class::<live::stream::RecipeStream>()?;
    module.add_class::<live::panel::Panel>()?;
    module.add_class::<live::panel::PanelReadings>()?;
    Ok(())
}
