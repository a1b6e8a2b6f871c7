"""Monitoring and back-testing (RULEBOOK 13): exact counts and ratios; nothing here touches a balance."""
