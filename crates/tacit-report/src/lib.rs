//! One report format: run.json and self-contained HTML with plots
