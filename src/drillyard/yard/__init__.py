"""
One running lab: manifests, image catalogue, start and stop, endpoints, and the capabilities that a fault may ask for.
"""
