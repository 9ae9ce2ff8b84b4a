"""
A Kubernetes API server: objects, watch, tables, patches, subresources, tokens. Knows no controller and no node.

`server.ApiServer` serves it over TLS; `local.LocalApi` is the same thing for callers in the same process.
"""
