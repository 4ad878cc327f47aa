"""Grafana as code: dashboards and alert rules, generated into `provisioning/` by `make dashboards`."""
