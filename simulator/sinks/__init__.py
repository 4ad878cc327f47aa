"""Where simulated readings go: MQTT, Parquet files or memory."""
