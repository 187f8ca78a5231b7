class CooperativeStickyAssignor:
    member_assignment: object
