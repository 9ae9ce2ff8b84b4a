"""
An embedded single-node Kubernetes: API server, controllers, kubelet and service network, meeting only at the API.
"""
