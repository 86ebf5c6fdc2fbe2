"""What a prediction and a training step cost, beside others and beside the processor's limits."""
