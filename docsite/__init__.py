"""The documentation as a site: pages of the repository as they are, and a reference made from the code. No part of the product."""
