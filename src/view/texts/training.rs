//! Texts of the training page; those of its larger panels have files of their own.

texts! {
    /// A preset's name, one sentence on it, and one on what it learns from.
    PresetTexts {
        name,
        description,
        data,
    }
}

texts! {
    PresetsTexts {
        label,
    }
}

texts! {
    TrainTexts {
        title,
        intro,
        controls,
        play,
        pause,
        step_batch,
        step_batch_hint,
        reset,
        reset_hint,
        reseed,
        reseed_hint,
        hyperparameters,
        learning_rate,
        learning_rate_hint,
        batch_size,
        batch_size_hint,
        optimizer,
        optimizer_sgd,
        optimizer_momentum,
        optimizer_nesterov,
        optimizer_adam,
        momentum,
        momentum_hint,
        seed,
        seed_hint,
        epochs,
        epochs_hint,
        applies_on_reset,
        applies_now,
        status_starting,
        status_ready,
        status_running,
        status_paused,
        status_finished,
        status_stopped,
        share,
        needs_reset,
        last_batch,
        step_through,
        step_through_hint,
        /// On the place of the model's page where there is no such model.
        choose_preset,
    }
    functions {
        /// Announced after a rebuild: seed.
        reset_done: fn(u64),
    }
}

texts! {
    DeviceTexts {
        label,
        auto,
        gpu,
        cpu,
        auto_hint,
        gpu_hint,
        cpu_hint,
        badge_starting,
        badge_none,
        badge_gpu,
        badge_software,
        badge_cpu,
        meaning_gpu,
        meaning_software,
        meaning_cpu,
        /// Why the CPU stands in for a GPU.
        fallback_no_webgpu,
        fallback_no_adapter,
        fallback_software,
        fallback_no_device,
    }
    functions {
        /// Adapter name behind the badge.
        adapter: fn(&str),
    }
}

texts! {
    MetricsTexts {
        label,
        step,
        epoch,
        loss,
        loss_unit,
        accuracy,
        held_out_loss,
        held_out_accuracy,
        perplexity,
        perplexity_hint,
        held_out_hint,
        samples_per_second,
        not_computed,
    }
}

texts! {
    CurveTexts {
        title,
        summary_empty,
        x_step,
        y_loss,
        y_accuracy,
        train_raw,
        train_smoothed,
        held_out_loss,
        held_out_accuracy,
        smoothing,
        smoothing_hint,
        log_scale,
        show_raw,
    }
    functions {
        /// The curve in words, for readers who do not see it: last step, loss.
        summary: fn(&str, &str),
    }
}

texts! {
    DigitsTexts {
        title,
        hint,
        right,
        wrong,
        predicted,
        truth,
        only_wrong,
        waiting,
    }
    functions {
        /// The picture in words: true label, predicted label.
        describe_right: fn(u32),
        describe_wrong: fn(u32, u32),
        /// Right ones, all.
        score: fn(usize, usize),
    }
}

texts! {
    DrawTexts {
        title,
        hint,
        clear,
        canvas_label,
        keyboard_hint,
        how_it_is_made,
        network_sees,
        prediction,
        probabilities,
        empty,
        waiting,
        use_sample,
    }
    functions {
        /// Digit, probability as text.
        predicts: fn(u32, &str),
    }
}

texts! {
    SummaryTexts {
        title,
        layer,
        output_shape,
        parameters,
        flops,
        total,
        parameter_total,
        flops_hint,
        scale_link,
        dispatches_per_step,
        dispatches_hint,
        submits_per_step,
        submits_hint,
        allocations_in_warm_up,
        allocations_after_warm_up,
        allocations_hint,
        step_time,
        step_time_hint,
        memory,
        memory_hint,
        input,
        work_title,
        waiting,
    }
}

texts! {
    ConfusionTexts {
        title,
        hint,
        actual,
        predicted,
        recall,
        recall_hint,
        waiting,
    }
    functions {
        /// A cell in words: count, true class, predicted class.
        cell: fn(u32, &str, &str),
        /// Steps after which it was measured, as text.
        after: fn(&str),
    }
}

texts! {
    FilesTexts {
        title,
        save,
        load,
        format_hint,
        drop_here,
        drop_now,
        choose,
        unreadable,
    }
    functions {
        /// Name, size and limit of a file, as text.
        too_large: fn(&str, &str, &str),
        saved: fn(&str),
        loaded: fn(&str),
    }
}
