"""The MQTT broker: the embedded launcher and the configuration of the brokers we know."""
