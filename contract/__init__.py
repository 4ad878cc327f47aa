"""What the parts agree on: messages, topics, records, the site file."""
