#!/bin/sh
# Mosquitto for docker-compose.yml, which takes over accounts and certificates that change: mosquitto-run.sh CONF FOLDER
# It reads them again at SIGHUP only. They are read once two looks have found the same: they are written one after the other.

state() {
    cksum "$1"/* 2>/dev/null
}

watch() {
    while sleep "${LOOK_EVERY_S:-2}"; do
        kill -0 "$1" 2>/dev/null || exit 0
        now=$(state "$2")
        if [ "$now" = "$before" ] && [ "$now" != "$loaded" ]; then
            kill -HUP "$1"
            loaded=$now
        fi
        before=$now
    done
}

loaded=$(state "$2")
before=$loaded
# The shell becomes Mosquitto, so that is its number.
watch $$ "$2" &
exec mosquitto -c "$1"
