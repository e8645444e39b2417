//! Texts on data sets: their pictures and points, metrics by class, the learner's own table.

texts! {
    DataTexts {
        /// Above the pictures of a data set that are no digits.
        samples_title,
        samples_hint,
        boundary_title,
        boundary_hint,
        /// The hint where there is a single input.
        boundary_line_hint,
        boundary_waiting,
        legend_train,
        legend_held_out,
        show_train,
        show_held_out,
        predictions_title,
        predictions_hint,
        /// Above held-out rows of a table.
        rows_title,
        rows_hint,
        rows_waiting,
        truth,
        predicted,
        probability,
        metrics_title,
        metrics_hint,
        class,
        precision,
        precision_hint,
        recall,
        recall_hint,
        f1,
        f1_hint,
        macro_mean,
        /// In a cell whose value is 0/0.
        undefined,
        undefined_hint,
        mse,
        mse_hint,
        mae,
        mae_hint,
        table_title,
        table_hint,
        table_private,
        table_choose,
        table_target,
        /// Where a page has no table to learn from yet.
        table_needed,
        loss_squares,
        /// Of a table, whose target is standardised.
        loss_squares_table,
        last_batch_loss,
        cell_show,
        cell_close,
        credit_texts,
        credit_fashion,
        credit_cifar,
    }
    functions {
        /// A picture in words: true class, predicted class.
        describe_right: fn(&str),
        describe_wrong: fn(&str, &str),
        /// The picture of the boundary in words: inputs, points, step.
        boundary_label: fn(&str, usize, &str),
        /// How many of the most probable classes, share.
        top_k: fn(u32, &str),
        /// Samples of a cell of the confusion matrix: how many, true class, predicted class.
        cell_samples: fn(usize, &str, &str),
        /// Another model's run stands: its name.
        other_run: fn(&str),
        /// File, rows for training, rows held out.
        table_loaded: fn(&str, u32, u32),
    }
}
