"""What every part needs: errors, clocks, durations, secret files, TOML with line numbers."""
