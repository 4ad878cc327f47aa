"""From MQTT to storage: decode, check, commit, acknowledge. Nothing else writes readings."""
