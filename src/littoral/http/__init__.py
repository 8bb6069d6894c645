"""What every server of ours shares: tokens, limits, back-pressure, metrics, drain."""
