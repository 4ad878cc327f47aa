"""Zigbee2MQTT."""
