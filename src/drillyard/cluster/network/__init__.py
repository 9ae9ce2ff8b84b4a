"""
The service network: addresses for pods and Services, a listener for each (client, service, port), one edge proxy
process.
"""
