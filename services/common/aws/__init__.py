"""Amazon's services as providers: clients.py makes boto3 clients, api.py calls them, errors.py says what failures mean,
checks.py looks whether they can be called at all.

boto3 is imported where a client is made, so that a service without these needs not have it.
"""
