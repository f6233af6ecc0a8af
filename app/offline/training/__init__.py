"""Training linear heads (SDP+) on a frozen backbone: features once, then all epochs from them.

    recipe    what a person may choose, and what it must equal for a run to be continued
    split     which images train and which validate: whole objects apart
    store     tapped features and masks on disk, in whole batches
    features  the one pass of the backbone that fills the store
    trainer   Adam steps on stored features; state in, state out
    validation, history, records     figures of each epoch; which is best; CSV and TensorBoard
    checkpoint, interrupt            a run survives SIGKILL, SIGTERM and Ctrl-C
    run       all of it in order: from a data set to a heads file

Knows nothing of command lines or of how progress is shown: see `reporting`.
"""
